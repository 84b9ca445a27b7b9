"""Loss, gradients, penalties and the proximal step: against hand values, finite differences, and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss

from logreg.descent import finite_differences
from logreg.objective import (
    full_objective,
    loss_and_residual,
    penalty,
    penalty_subgradient,
    probabilities,
    proximal_step,
)


def random_problem(outputs, seed=0, rows=20, features=4):
    rng = np.random.default_rng(seed)
    X, weights, intercept = (rng.normal(size=shape) for shape in ((rows, features), (outputs, features), outputs))
    labels = rng.integers(max(outputs, 2), size=rows)
    targets = (labels[:, None] == 1).astype(float) if outputs == 1 else np.eye(outputs)[labels]
    return X, weights, intercept, targets, labels


@pytest.mark.parametrize(
    ("logit", "target", "loss", "residual"),
    [
        (0, 1, np.log(2), -0.5),
        (0, 0, np.log(2), 0.5),
        (np.log(3), 1, np.log(4 / 3), -0.25),
        (np.log(3), 0, np.log(4), 0.75),
    ],
)
def test_hand_values_of_two_classes(logit, target, loss, residual):
    found = loss_and_residual(np.array([[logit]], dtype=float), np.array([[target]], dtype=float))
    assert found[0] == pytest.approx(loss)
    assert found[1] == pytest.approx(residual)


def test_hand_values_of_three_classes():
    loss, residual = loss_and_residual(np.log([[1.0, 2.0, 5.0]]), np.array([[0.0, 1.0, 0.0]]))
    assert loss == pytest.approx(np.log(4))
    assert residual == pytest.approx(np.array([[1 / 8, -3 / 4, 5 / 8]]))


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_is_scikit_learns(outputs):
    X, weights, intercept, targets, labels = random_problem(outputs)
    logits = X @ weights.T + intercept
    assert loss_and_residual(logits, targets)[0] == pytest.approx(log_loss(labels, probabilities(logits)))


@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_against_finite_differences(outputs, seed):
    X, weights, intercept, targets, _ = random_problem(outputs, seed)
    _, residual = loss_and_residual(X @ weights.T + intercept, targets)
    by_weights = finite_differences(lambda w: loss_and_residual(X @ w.T + intercept, targets)[0], weights)
    by_intercept = finite_differences(lambda b: loss_and_residual(X @ weights.T + b, targets)[0], intercept)
    assert np.allclose(residual.T @ X, by_weights, atol=1e-8)
    assert np.allclose(residual.sum(axis=0), by_intercept, atol=1e-8)
    slopes = finite_differences(lambda w: penalty(w, 0.3, 0.4), weights)
    assert np.allclose(penalty_subgradient(weights, 0.3, 0.4), slopes, atol=1e-8)


@pytest.mark.parametrize("logits", [[[1e4]], [[-1e4]], [[1e4, -1e4, 0.0]]])
def test_huge_scores_do_not_overflow(logits):
    logits = np.array(logits)
    for target in np.eye(logits.shape[1]) if logits.shape[1] > 1 else ([0.0], [1.0]):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss, residual = loss_and_residual(logits, np.array([target]))
            chances = probabilities(logits)
        assert np.isfinite(loss)
        assert np.isfinite(residual).all()
        assert chances.sum() == pytest.approx(1)


def test_penalty_by_hand():
    weights = np.array([[3.0, -4.0]])
    assert penalty(weights, 0.1, 1) == pytest.approx(0.7)
    assert penalty(weights, 0.1, 0) == pytest.approx(1.25)
    assert penalty(weights, 0.1, 0.5) == pytest.approx(0.975)
    assert penalty_subgradient(np.array([0.0]), 0.1, 1) == 0


@given(
    arrays(float, 3, elements=st.floats(-2, 2)),
    st.floats(0.01, 2),
    st.floats(0.01, 2),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_the_proximal_step_is_the_minimum_it_claims_to_be(weights, rate, alpha, l1_ratio, seed):
    def cost(u):
        return np.sum((u - weights) ** 2) / 2 + rate * penalty(u, alpha, l1_ratio)

    best = proximal_step(weights, rate, alpha, l1_ratio)
    others = best + np.random.default_rng(seed).normal(scale=0.1, size=(20, 3))
    assert cost(best) <= min(map(cost, others)) + 1e-12
    assert cost(best) <= cost(np.where(best == 0, 1e-3, best)) + 1e-12


def test_the_proximal_step_stops_at_zero():
    assert proximal_step(np.array([0.05, -0.05, 0.3]), 1.0, 0.1, 1.0).tolist() == pytest.approx([0, 0, 0.2])
    assert (proximal_step(np.array([0.05, -0.05]), 1.0, 0.1, 1.0) == 0).all()


def test_the_intercept_is_not_penalised():
    X, weights, _, targets, _ = random_problem(1)
    free = full_objective(X, targets, 0 * weights, np.array([2.0]), 10.0, 0.5)
    assert free == pytest.approx(loss_and_residual(np.full((len(X), 1), 2.0), targets)[0])
