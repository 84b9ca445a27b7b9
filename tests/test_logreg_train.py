"""The loop: one step by hand, the schedule, and the last step on all rows."""

import numpy as np
import pytest

from logreg.objective import full_objective
from logreg.reference import find_optimum, largest_violation
from logreg.train import OptimizerState, Schedule, full_batch_step, train, train_epoch

X = np.array([[1.0, 0.0], [0.0, 2.0]])
TARGETS = np.array([[1.0], [0.0]])


def start():
    return OptimizerState(np.zeros((1, 2)), np.zeros(1))


def test_one_step_by_hand():
    """At zero both probabilities are ½, so the slope is (-½ · (1, 0) + ½ · (0, 2)) / 2 = (-¼, ½), the bias's 0."""
    state = start()
    losses = train_epoch([(X, TARGETS)], state, 1.0, 0.0, 0.0, 0.0, "proximal")
    assert losses == pytest.approx([np.log(2)])
    assert state.weights == pytest.approx(np.array([[0.25, -0.5]]))
    assert state.intercept == pytest.approx([0])


def test_l1_takes_its_share_and_momentum_looks_ahead():
    state = start()
    train_epoch([(X, TARGETS)], state, 1.0, 0.5, 0.3, 1.0, "proximal")
    assert state.weights == pytest.approx(np.array([[0.0, -0.2]]))  # ¼ - 0.3 < 0 stops at 0
    assert state.weights[0, 0] == 0
    assert state.lookahead[0] == pytest.approx(np.array([[0.0, -0.3]]))


def test_the_subgradient_does_not_stop_at_zero():
    state = start()
    state.weights = np.array([[0.1, 0.0]])
    state.lookahead = state.weights, state.intercept
    train_epoch([(0 * X, TARGETS)], state, 1.0, 0.0, 0.3, 1.0, "subgradient")
    assert state.weights == pytest.approx(np.array([[-0.2, 0.0]]))


def scripted(means):
    """An epoch of 200 batches whose losses are all the next of `means`; remembers the rates."""
    rates, script = [], iter(means)

    def epoch(rate):
        rates.append(rate)
        return [next(script)] * 200

    return epoch, rates


def test_the_rate_halves_when_the_loss_no_longer_improves():
    epoch, rates = scripted([1.0, 0.5, 0.4999, 0.4, 0.41, 0.3])
    history, converged = train(epoch, Schedule(8.0, 6, 1e-3))
    assert rates == [8, 8, 8, 4, 4, 2]
    assert history.shape == (6, 200)
    assert not converged


def test_it_ends_after_its_halvings():
    epoch, rates = scripted([1.0] * 50)
    history, converged = train(epoch, Schedule(1.0, 50, 1e-3))
    assert converged
    assert len(history) == 13  # one to compare with, and twelve that do not better it
    assert rates[-1] == 2.0**-11


def test_without_tolerance_it_keeps_the_rate():
    epoch, rates = scripted([1.0] * 30)
    history, converged = train(epoch, Schedule(1.0, 30, None))
    assert (len(history), converged, set(rates)) == (30, False, {1.0})


def test_short_epochs_are_judged_together():
    rates = []

    def epoch(rate):
        rates.append(rate)
        return [1.0] * 60  # four epochs make a window of two hundred steps

    train(epoch, Schedule(1.0, 16, 1e-3))
    assert rates == [1.0] * 8 + [0.5] * 4 + [0.25] * 4


def test_a_loss_that_is_not_finite_names_the_place():
    with pytest.raises(
        ValueError, match=r"the loss is nan in epoch 0, batch 1, at learning rate 0\.5; lower the learning rate"
    ):
        train(lambda rate: [1.0, np.nan], Schedule(0.5, 3, 1e-3))


def noisy_problem():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 20))
    labels = (features[:, 0] - features[:, 1] + rng.normal(size=300) > 0).astype(float)
    return features, labels[:, None]


def test_settling_lowers_the_objective_and_frees_zeros():
    features, targets = noisy_problem()
    weights, intercept, _ = find_optimum(features, targets, 0.05, 1.0)
    disturbed = weights + np.random.default_rng(1).normal(scale=1e-3, size=weights.shape)
    state = OptimizerState(disturbed, intercept)
    before = full_objective(features, targets, disturbed, intercept, 0.05, 1.0)
    full_batch_step(features, targets, state, 0.5, 0.05, 1.0)
    assert full_objective(features, targets, state.weights, state.intercept, 0.05, 1.0) < before
    assert (disturbed == 0).sum() == 0
    assert state.lookahead[0] is state.weights, "whoever goes on, goes on from here"
    assert ((state.weights == 0) == (weights == 0)).all()


def test_settling_never_raises_the_objective():
    features, targets = noisy_problem()
    state = OptimizerState(np.ones((1, 20)), np.zeros(1))
    before = full_objective(features, targets, state.weights, state.intercept, 0.05, 1.0)
    full_batch_step(features, targets, state, 1e4, 0.05, 1.0)
    after = full_objective(features, targets, state.weights, state.intercept, 0.05, 1.0)
    assert after < before, "a rate that is too large is halved until it helps"


def test_an_optimum_that_is_not_reached_is_no_optimum():
    features, targets = noisy_problem()
    with pytest.raises(RuntimeError, match="L-BFGS-B ended with a slope of"):
        find_optimum(features, targets, 0.03, 0.7, iterations=3)
    _, _, rough = find_optimum(features, targets, 0.03, 0.7, gradient=None, iterations=3)
    assert rough > find_optimum(features, targets, 0.03, 0.7)[2]


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_optimum_satisfies_its_conditions(outputs):
    features, targets = noisy_problem()
    if outputs == 3:
        targets = np.eye(3)[np.digitize(features[:, 2], [-0.5, 0.5])]
    weights, intercept, value = find_optimum(features, targets, 0.03, 0.7)
    assert largest_violation(features, targets, weights, intercept, 0.03, 0.7) < 1e-6
    assert (weights == 0).any()
    rng = np.random.default_rng(3)
    for scale in (1e-3, 1e-1):
        other = weights + rng.normal(scale=scale, size=weights.shape)
        assert full_objective(features, targets, other, intercept, 0.03, 0.7) > value
    assert largest_violation(features, targets, weights + 0.1, intercept, 0.03, 0.7) > 1e-3
