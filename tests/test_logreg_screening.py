"""Working sets and the steps on all rows: they reach the minimum that L-BFGS-B finds, whatever they start from."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from logreg.model import SGDLogisticRegression, one_hot
from logreg.objective import duality_gap, full_objective, loss_and_residual
from logreg.reference import find_optimum
from logreg.screening import largest_gradients, missing_features
from logreg.train import OptimizerState, accelerated_steps, refine


def make_rows(classes: int, rows=1_000, features=120, informative=12):
    """Standardised, correlated features, of which few decide; every tenth column is zero."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, features)) + rng.normal(size=(rows, 1))
    weights = np.zeros((features, classes))
    weights[rng.choice(features, informative, replace=False)] = 2 * rng.normal(size=(informative, classes))
    y = (X @ weights + rng.gumbel(size=(rows, classes))).argmax(axis=1)
    X = StandardScaler().fit_transform(X)
    X[:, ::10] = 0
    return X, y


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("fraction", [0.05, 0.25, 1.0])
def test_a_working_set_ends_at_the_minimum_of_all_features(classes, fraction):
    X, y = make_rows(classes)
    targets = one_hot(y, np.arange(classes), X.dtype)
    best, _, minimum = find_optimum(X, targets, 0.02, 0.9, gradient=1e-6)
    model = SGDLogisticRegression(0.02, 0.9, working_set=fraction, random_state=0).fit(X, y)
    assert full_objective(X, targets, model.coef_, model.intercept_, 0.02, 0.9) / minimum - 1 < 1e-3
    assert ((model.coef_ != 0) == (best != 0)).mean() > 0.95
    assert model.batch_losses_.shape == (model.n_iter_, len(X) // 128)


def test_a_working_set_of_one_leaves_out_only_columns_of_zeros():
    X, y = make_rows(2)
    inside = largest_gradients(X, y[:, None].astype(float), 1.0)
    assert np.array_equal(inside, np.flatnonzero(X.any(axis=0)))
    settings = {"alpha": 0.02, "l1_ratio": 0.9, "tol": None, "max_epochs": 5, "random_state": 0}
    whole = SGDLogisticRegression(**settings).fit(X, y)
    some = SGDLogisticRegression(**settings, working_set=1.0).fit(X, y)
    np.testing.assert_allclose(some.coef_, whole.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(some.batch_losses_, whole.batch_losses_, rtol=1e-10)


def test_features_are_missed_where_the_gradient_exceeds_the_penalty():
    X, y = make_rows(2)
    targets = y[:, None].astype(float)
    weights, intercept, _ = find_optimum(X, targets, 0.02, 1.0, gradient=1e-8)
    used = np.flatnonzero(weights)
    assert len(missing_features(X, targets, weights, intercept, used, 0.02, 1.0, 0.0)) == 0
    # without the most important feature, it is the one that would help most
    largest = used[np.abs(weights[0, used]).argmax()]
    rest = np.setdiff1d(used, largest)
    reduced, offset, _ = find_optimum(X[:, rest], targets, 0.02, 1.0, gradient=1e-8)
    weights = np.zeros_like(weights)
    weights[:, rest] = reduced
    missing = missing_features(X, targets, weights, offset, rest, 0.02, 1.0, 1e-6)
    _, residual = loss_and_residual(X @ weights.T + offset, targets)
    assert largest in missing
    assert (np.abs(residual.T @ X)[0, missing] > 0.02).all()
    assert len(missing_features(X, targets, weights, offset, rest, 0.02, 1.0, 1.0)) == 0  # tol of 100 %: enough


@pytest.mark.parametrize("fraction", [0, 1.5, -0.1, True, "half"])
def test_a_working_set_is_a_fraction(fraction):
    X, y = make_rows(2)
    with pytest.raises(ValueError, match="expected None, or a fraction above 0, up to 1"):
        SGDLogisticRegression(0.02, 0.9, working_set=fraction).fit(X, y)


@pytest.mark.parametrize("settings", [{"l1_ratio": 0.0}, {"l1_ratio": 0.5, "l1_step": "subgradient"}])
def test_a_working_set_needs_weights_of_zero(settings):
    X, y = make_rows(2)
    with pytest.raises(ValueError, match="an L1 penalty and proximal steps"):
        SGDLogisticRegression(0.02, working_set=0.5, **settings).fit(X, y)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_accelerated_steps_reach_the_minimum(dtype):
    X, y = make_rows(2)
    targets = y[:, None].astype(dtype)
    _, _, minimum = find_optimum(X, targets.astype(float), 1e-3, 1.0, gradient=1e-7)
    start = np.zeros((1, X.shape[1]), dtype), np.zeros(1, dtype)
    steps = accelerated_steps(X.astype(dtype), targets, *start, 0.05, 1e-3, 1.0)
    *_, (weights, intercept, value) = (next(steps) for _ in range(300))
    assert weights.dtype == intercept.dtype == dtype
    assert value == pytest.approx(full_objective(X, targets, weights, intercept, 1e-3, 1.0), rel=1e-5)
    assert value / minimum - 1 < 1e-4


def test_a_point_near_the_minimum_is_not_refined():
    X, y = make_rows(2)
    targets = y[:, None].astype(float)
    weights, intercept, _ = find_optimum(X, targets, 0.02, 0.9, gradient=1e-7)
    state = OptimizerState(weights, intercept)
    assert refine(X, targets, state, 0.05, 0.02, 0.9, 1e-3)
    assert state.weights is weights
    assert state.intercept is intercept


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.02, 1.0), (0.02, 0.5), (1e-3, 1.0), (1e-3, 0.01), (10.0, 1.0)])
def test_the_duality_gap_bounds_the_distance_to_the_minimum(classes, alpha, l1_ratio):
    X, y = make_rows(classes)
    targets = one_hot(y, np.arange(classes), X.dtype)
    best, intercept, minimum = find_optimum(X, targets, alpha, l1_ratio, gradient=1e-8)
    gap, objective = duality_gap(X, targets, best, intercept, alpha, l1_ratio)
    assert objective == pytest.approx(minimum, rel=1e-6)
    assert -1e-9 < gap < 1e-3 * minimum
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        away = best + size * rng.normal(size=best.shape)
        gap, objective = duality_gap(X, targets, away, intercept + size, alpha, l1_ratio)
        assert gap >= objective - minimum - 1e-9
        assert objective <= full_objective(X, targets, away, intercept + size, alpha, l1_ratio) + 1e-9


def test_without_a_penalty_the_bound_is_the_objective():
    X, y = make_rows(2)
    gap, objective = duality_gap(X, y[:, None].astype(float), np.zeros((1, X.shape[1])), np.zeros(1), 0.0, 0.0)
    assert gap == pytest.approx(objective)


@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 3e-4, 1e-4])
def test_small_penalties_with_five_classes_reach_the_minimum_or_warn(alpha, recwarn):
    X, y = make_rows(5)
    targets = one_hot(y, np.arange(5), X.dtype)
    _, _, minimum = find_optimum(X, targets, alpha, 1.0, gradient=1e-6)
    model = SGDLogisticRegression(alpha, 1.0, random_state=0).fit(X, y)
    gap = full_objective(X, targets, model.coef_, model.intercept_, alpha, 1.0) / minimum - 1
    warned = any(issubclass(one.category, ConvergenceWarning) for one in recwarn)
    print(alpha, gap, warned)
    assert gap < 1e-3 or warned
    assert alpha < 3e-4 or not warned


@pytest.mark.parametrize("steps", [-1, 1.5, True, "many"])
def test_final_steps_are_a_number(steps):
    X, y = make_rows(2)
    with pytest.raises(ValueError, match="expected a whole number from 0"):
        SGDLogisticRegression(final_steps=steps).fit(X, y)


def test_without_final_steps_a_small_penalty_ends_farther_from_the_minimum():
    X, y = make_rows(2)
    objectives = []
    for steps in (0, 1000):
        model = SGDLogisticRegression(1e-3, 1.0, final_steps=steps, random_state=0).fit(X, y)
        objectives.append(full_objective(X, y[:, None].astype(float), model.coef_, model.intercept_, 1e-3, 1.0))
    assert objectives[0] > objectives[1]


def test_single_precision_steps_end_where_those_in_double_precision_end():
    """Rows in double precision, mini-batch steps in single: the same zeros, weights equal to a thousandth."""
    X, y = make_rows(2)
    models = [
        SGDLogisticRegression(0.01, 1.0, single_steps=single, random_state=0).fit(X, y) for single in (False, True)
    ]
    double, other = models
    assert double.coef_.dtype == other.coef_.dtype == np.float64
    assert np.abs(double.coef_ - other.coef_).max() < 1e-3 * np.abs(double.coef_).max()
    assert (other.coef_ == 0).any()
    assert np.array_equal(double.coef_ == 0, other.coef_ == 0)
    single = SGDLogisticRegression(0.01, 1.0, single_steps=True, random_state=0).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    with pytest.raises(ValueError, match="single_steps=1; expected True or False"):
        SGDLogisticRegression(single_steps=1).fit(X, y)
