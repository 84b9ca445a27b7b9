"""Logistic regression from scratch: its gradient, and every added idea by hand and against the exact minimum."""

import numpy as np
import pytest
from sklearn.base import clone

from logreg import scratch
from logreg.descent import finite_differences
from logreg.objective import proximal_step
from logreg.reference import find_optimum

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] + 0.5 * RNG.normal(size=60) > 0).astype(int)
CLASSES = [
    scratch.LogisticRegressionGD,
    scratch.L2LogisticRegression,
    scratch.L1Subgradient,
    scratch.L1Proximal,
    scratch.MomentumLogisticRegression,
]


def test_the_sigmoid_at_known_points_and_far_out():
    assert scratch.sigmoid(np.array([0.0, np.log(3), -np.log(3)])) == pytest.approx([0.5, 0.75, 0.25])
    assert scratch.sigmoid(np.array([-1e4, 1e4])).tolist() == [0, 1]


def test_the_log_loss_by_hand_and_far_out():
    assert scratch.log_loss(np.array([0.0, 0.0]), np.array([0, 1])) == pytest.approx(np.log(2))
    assert scratch.log_loss(np.array([1e4, -1e4]), np.array([0, 1])) == pytest.approx(1e4)


def test_the_gradient_is_that_of_finite_differences():
    point = np.array([0.3, -0.2, 0.5, 0.1])
    found = scratch.gradient(X, Y, point[:3], point[3])
    expected = finite_differences(lambda p: scratch.log_loss(X @ p[:3] + p[3], Y), point)
    assert np.append(*found) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("model", CLASSES)
def test_it_can_be_cloned_and_the_seed_decides(model):
    first = clone(model(lr=0.1, epochs=3, batch_size=16, seed=1))
    again, other = clone(first), clone(first).set_params(seed=2)
    weights = [one.fit(X, Y).weights_ for one in (first, again, other)]
    assert (weights[0] == weights[1]).all()
    assert (weights[0] != weights[2]).any()
    assert len(first.history_) == 4
    assert first.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(60))
    assert first.score(X, Y) > 0.8


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (scratch.LogisticRegressionGD, [0.9, -0.25]),
        (scratch.L2LogisticRegression, [0.88, -0.245]),
        (scratch.L1Subgradient, [0.88, -0.23]),
        (scratch.L1Proximal, [0.88, -0.23]),
        (scratch.MomentumLogisticRegression, [0.88, -0.245]),
    ],
)
def test_one_step_by_hand(model, expected):
    """From (1, -0.25) with the gradient (1, 0), a learning rate of 0.1 and a penalty of 0.2."""
    one = model(lr=0.1)
    one.alpha = 0.2
    one.weights_, one.bias_, one.velocity_ = np.array([1.0, -0.25]), 0.5, (np.zeros(2), 0.0)
    one.step(np.array([1.0, 0.0]), 2.0)
    assert one.weights_ == pytest.approx(np.array(expected))
    assert one.bias_ == pytest.approx(0.3)


def test_momentum_adds_up_the_gradients():
    one = scratch.MomentumLogisticRegression(lr=1.0, alpha=0.0, momentum=0.5)
    one.weights_, one.bias_, one.velocity_ = np.zeros(1), 0.0, (np.zeros(1), 0.0)
    for expected in (-1.0, -2.5, -4.25):
        one.step(np.ones(1), 1.0)
        assert (one.weights_[0], one.bias_) == (expected, expected)


def test_soft_thresholding_is_the_proximal_step_of_l1():
    weights = np.array([-0.3, -0.04, 0.0, 0.02, 0.5])
    assert scratch.soft_threshold(weights, 0.05) == pytest.approx(proximal_step(weights, 0.5, 0.1, 1.0))


@pytest.mark.parametrize(
    ("model", "l1_ratio"),
    [
        (scratch.L2LogisticRegression, 0.0),
        (scratch.MomentumLogisticRegression, 0.0),
        (scratch.L1Proximal, 1.0),
    ],
)
def test_without_the_noise_of_batches_it_reaches_the_minimum(model, l1_ratio):
    one = model(lr=0.1, epochs=3000, batch_size=60, alpha=0.05).fit(X, Y)
    weights, bias, _ = find_optimum(X, Y[:, None].astype(float), 0.05, l1_ratio)
    assert one.weights_ == pytest.approx(weights[0], abs=1e-5)
    assert one.bias_ == pytest.approx(bias[0], abs=1e-5)
    assert one.history_[-1]["zeros"] == (weights == 0).sum()


LABELS = RNG.choice([1, 4, 8], size=60)


def test_the_softmax_sums_to_one_and_does_not_overflow():
    assert scratch.softmax(np.log([[1.0, 2, 5]])) == pytest.approx(np.array([[0.125, 0.25, 0.625]]))
    assert scratch.softmax(np.array([[1e4, 0, 1e4]])).tolist() == [[0.5, 0, 0.5]]


def test_the_gradient_of_the_cross_entropy_is_that_of_finite_differences():
    Y_hot, point = np.eye(3)[RNG.integers(3, size=60)], RNG.normal(size=(4, 3))

    def loss(p):
        return -np.mean(np.log((scratch.softmax(X @ p[:3] + p[3]) * Y_hot).sum(axis=1)))

    found = scratch.softmax_gradient(X, Y_hot, point[:3], point[3])
    assert np.vstack(found) == pytest.approx(finite_differences(loss, point), abs=1e-8)


def test_softmax_regression_reaches_the_minimum_and_keeps_single_precision():
    one = scratch.SoftmaxRegression(lr=0.05, epochs=2000, batch_size=60, alpha=0.05).fit(X, LABELS)
    targets = (LABELS[:, None] == np.array([1, 4, 8])).astype(float)
    weights, bias, _ = find_optimum(X, targets, 0.05, 0.0)
    assert np.allclose(one.weights_.T, weights, atol=1e-4)
    assert one.bias_ - one.bias_.mean() == pytest.approx(bias - bias.mean(), abs=1e-4)
    assert (one.predict(X) == one.classes_[one.predict_proba(X).argmax(axis=1)]).all()
    single = scratch.SoftmaxRegression(epochs=1).fit(X.astype(np.float32), LABELS)
    assert single.weights_.dtype == single.predict_proba(X.astype(np.float32)).dtype == np.float32
