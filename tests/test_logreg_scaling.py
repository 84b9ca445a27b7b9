"""Badly scaled features: the descent ends near the minimum, or says that it does not. scipy and scikit-learn judge."""

import re
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.datasets import load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from logreg import model
from logreg.model import ENOUGH, SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum, remaining_gap

WIDTH = 8
SCALINGS = {
    "one": np.ones(WIDTH),
    "thousandths": np.full(WIDTH, 1e-3),
    "hundredths": np.full(WIDTH, 1e-2),
    "hundreds": np.full(WIDTH, 1e2),
    "thousands": np.full(WIDTH, 1e3),
    "from 1e-1 to 1e1": np.logspace(-1, 1, WIDTH),
    "from 1e-3 to 1e3": np.logspace(-3, 3, WIDTH),
    "from 1e-6 to 1e6": np.logspace(-6, 6, WIDTH),
}


def make_rows(scale=1.0, shift=0.0):
    X, y = make_classification(400, WIDTH, n_informative=5, n_redundant=1, random_state=1)
    return StandardScaler().fit_transform(X) * scale + shift, y


def find_minimum(X, y, alpha, l1_ratio):
    """The minimum by scipy, on standardised features, each weight of which has a penalty of its own."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    Z, l1, l2 = (X - mean) / scale, alpha * l1_ratio / scale, alpha * (1 - l1_ratio) / scale**2

    def objective(point):
        weights, logits = point[:WIDTH] - point[WIDTH:-1], Z @ (point[:WIDTH] - point[WIDTH:-1]) + point[-1]
        residual = (expit(logits) - y) / len(y)
        value = (np.logaddexp(0, logits) - y * logits).mean() + l2 @ weights**2 / 2
        slope = Z.T @ residual + l2 * weights
        penalised = value + l1 @ (point[:WIDTH] + point[WIDTH:-1])
        return penalised, np.concatenate([slope + l1, l1 - slope, [residual.sum()]])

    bounds, options = [(0, None)] * 2 * WIDTH + [(None, None)], {"maxiter": 20_000, "ftol": 1e-14, "gtol": 1e-10}
    start = np.zeros(2 * WIDTH + 1)
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun


def fit_and_listen(X, y, **settings):
    """The fitted model, and its warnings."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        fitted = SGDLogisticRegression(random_state=0, **settings).fit(X, y)
    return fitted, [str(one.message) for one in heard if issubclass(one.category, ConvergenceWarning)]


@pytest.mark.fault(
    "features on scales from 10⁻⁶ to 10⁶, not standardised (2W)",
    "a loss within 10 % of scipy's minimum, or a warning that advises standardising",
)
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(1e-4, 0.0), (1e-3, 0.5), (1e-2, 1.0)])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_it_ends_near_the_minimum_or_warns(scaling, alpha, l1_ratio):
    X, y = make_rows(SCALINGS[scaling])
    fitted, heard = fit_and_listen(X, y, alpha=alpha, l1_ratio=l1_ratio)
    value = full_objective(X, y[:, None], fitted.coef_, fitted.intercept_, alpha, l1_ratio)
    gap = value / find_minimum(X, y, alpha, l1_ratio) - 1
    assert gap > -1e-5, "scipy's is the minimum"
    assert heard or gap <= ENOUGH
    for message in heard:
        assert "standardise the features" in message
        assert gap > ENOUGH or message.startswith("no convergence in ")


def test_the_warning_names_the_option_that_ran_out():
    X, y = make_rows(1e3)
    few_epochs = fit_and_listen(X, y, alpha=1e-2, l1_ratio=1.0, max_epochs=2)[1]
    few_steps = fit_and_listen(X, y, alpha=1e-2, l1_ratio=1.0, final_steps=1)[1]
    assert few_epochs == ["no convergence in 2 epochs; raise max_epochs or tol, or standardise the features"]
    assert re.fullmatch(r"no convergence in \d+ epochs and 1 final steps; raise final_steps or tol, .*", few_steps[0])


def test_some_of_these_do_warn_and_some_do_not():
    heard = {
        name: len(fit_and_listen(*make_rows(scale), alpha=1e-3, l1_ratio=0.5)[1]) for name, scale in SCALINGS.items()
    }
    assert heard["one"] == heard["from 1e-1 to 1e1"] == 0
    assert heard["thousands"] == heard["from 1e-3 to 1e3"] == heard["from 1e-6 to 1e6"] == 1


@pytest.mark.parametrize("shift", [0.0, 100.0, 1e4])
def test_features_far_from_zero_are_noticed(shift):
    X, y = make_rows(shift=shift)
    fitted, heard = fit_and_listen(X, y, alpha=1e-3)
    gap = full_objective(X, y[:, None], fitted.coef_, fitted.intercept_, 1e-3, 0) / find_minimum(X, y, 1e-3, 0) - 1
    assert bool(heard) == (gap > ENOUGH) == (shift > 0)


@pytest.mark.parametrize("standardised", [False, True])
def test_three_classes_against_scikit_learn(standardised):
    """Wine as it is measured: magnesium around 100, proline around 750, all else around 1."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X) if standardised else X
    fitted, heard = fit_and_listen(X, y, alpha=1e-2)
    exact = LogisticRegression(C=1 / (1e-2 * len(y)), solver="newton-cholesky", tol=1e-9).fit(X, y)
    values = [full_objective(X, np.eye(3)[y], m.coef_, m.intercept_, 1e-2, 0) for m in (fitted, exact)]
    gap = values[0] / values[1] - 1
    assert gap > -1e-5
    assert bool(heard) == (gap > ENOUGH) == (not standardised)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_remaining_gap_by_another_way(dtype, l1_ratio):
    X, y = make_rows(np.logspace(-0.5, 0.5, WIDTH), shift=0.5)
    X = np.column_stack([X, np.ones(len(y))]).astype(dtype)  # the last one says nothing
    targets = y[:, None].astype(dtype)
    weights, intercept, optimum = find_optimum(X.astype(float), y[:, None], 0.01, l1_ratio, gradient=1e-6)
    at_optimum = remaining_gap(X, targets, weights.astype(dtype), intercept.astype(dtype), 0.01, l1_ratio)
    assert 0 <= at_optimum < 1e-4
    away = (weights + 0.2).astype(dtype)
    expected = full_objective(X, targets, away, intercept, 0.01, l1_ratio) / optimum - 1
    assert expected > 0.1
    assert remaining_gap(X, targets, away, intercept.astype(dtype), 0.01, l1_ratio) == pytest.approx(expected, rel=0.05)


def test_the_check_changes_no_weight(monkeypatch):
    X, y = make_rows()
    checked = SGDLogisticRegression(1e-3, 0.5, random_state=0).fit(X, y)
    monkeypatch.setattr(model, "remaining_gap", lambda *given: 0.0)
    unchecked = SGDLogisticRegression(1e-3, 0.5, random_state=0).fit(X, y)
    assert (checked.coef_ == unchecked.coef_).all()
    assert checked.n_iter_ == unchecked.n_iter_


def test_who_asks_for_less_is_not_warned(monkeypatch):
    X, y = make_rows(1e3)
    assert fit_and_listen(X, y, tol=ENOUGH)[1]
    monkeypatch.setattr(model, "remaining_gap", None)  # nor does it take time
    assert not fit_and_listen(X, y, tol=0.5)[1]
    assert not fit_and_listen(X, y, tol=None, max_epochs=3)[1]
