"""Metrics of week 10 on sets whose answer is known: the same distribution, another, copies, one point."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan import metrics
from gan.features import LADDER, build_ladder, change, train_reader


def cloud(number=400, middle=0.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(middle, spread, (number, 8)).astype(np.float32)


def test_the_discrepancy_by_hand():
    first, second = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 2.0]])
    within_first, within_second = (0 / 2 + 1) ** 3, (0 / 2 + 1) ** 3
    across = ((2 / 2 + 1) ** 3 * 2 + 2 * 1**3) / 4
    assert metrics.mmd(first, second) == pytest.approx(within_first + within_second - 2 * across)


def test_kid_knows_the_same_from_another_and_from_one_point():
    same, half = metrics.kid(cloud(), cloud(seed=1))
    other, _ = metrics.kid(cloud(), cloud(middle=0.5, seed=1))
    point, _ = metrics.kid(cloud(), np.tile(cloud(1, seed=2), (400, 1)))
    assert abs(same) < 2 * half
    assert other > 5 * half
    assert point > 5 * half


def test_kid_is_unbiased():
    found = [metrics.kid(cloud(60, seed=2 * k), cloud(60, seed=2 * k + 1))[0] for k in range(60)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)


def test_precision_and_recall_of_what_is_known():
    real = cloud()
    precision, recall = metrics.precision_recall(real, cloud(seed=1))
    assert precision > 0.6
    assert recall > 0.6
    assert metrics.precision_recall(real, cloud(middle=50)) == (0, 0)
    precision, recall = metrics.precision_recall(real, np.tile(real[:1], (400, 1)))
    assert precision == 1  # one point, in the middle of the real ones
    assert recall < 0.05
    assert metrics.precision_recall(real, real) == (1, 1)


def test_precision_and_recall_by_hand():
    real = np.array([[0.0], [1.0], [3.0]])
    fake = np.array([[0.9], [2.9], [9.0], [9.5]])
    # With k = 1 the real ones reach 1, 1 and 2; the generated ones 2, 2, 0.5 and 0.5.
    assert metrics.precision_recall(real, fake, k=1) == (0.5, 1.0)


def test_nearest_neighbours_tell_real_from_generated():
    real = cloud()
    assert 0.42 < metrics.one_nn_accuracy(real, cloud(seed=1)) < 0.58
    assert metrics.one_nn_accuracy(real, cloud(middle=50)) == 1
    assert metrics.one_nn_accuracy(real, real + 1e-4) == 0  # copies: everybody's nearest is of the other kind
    assert metrics.one_nn_accuracy(real, np.tile(cloud(1, middle=9), (400, 1))) == 1


def test_copies_are_noticed():
    train, held = cloud(300), cloud(200, seed=1)
    (_, to_strangers), (_, to_others) = metrics.nearest(train, held), metrics.nearest(train, cloud(200, seed=2))
    assert metrics.copied(to_strangers, to_others) < 0.06
    assert metrics.copied(to_strangers, metrics.nearest(train, train[:200] + 1e-3)[1]) == 1
    rows, distances = metrics.nearest(train, train[5:8])
    assert rows.tolist() == [5, 6, 7]
    assert distances.max() == pytest.approx(0, abs=1e-4)


def test_distances_are_scipys():
    first, second = cloud(20), cloud(30, middle=3, seed=1)
    np.testing.assert_allclose(metrics.distances(first, second), cdist(first, second), rtol=1e-6)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Of clouds that are alike the truth is 0; with ten blocks Student's t is wider than the normal distribution."""
    found = [metrics.kid(cloud(200, seed=2 * k), cloud(200, seed=2 * k + 1)) for k in range(150)]
    inside = np.mean([abs(value) <= half for value, half in found])
    assert 0.9 <= inside <= 0.99


def test_too_few_are_named():
    with pytest.raises(ValueError, match="1 and 3 vectors; both need two or more"):
        metrics.mmd(cloud(1), cloud(3))
    with pytest.raises(ValueError, match="k is 3, but there are 2 others"):
        metrics.precision_recall(cloud(3), cloud(9))
    with pytest.raises(ValueError, match="3 real and 4 generated"):
        metrics.one_nn_accuracy(cloud(3), cloud(4))


def test_pixels_are_averaged():
    images = np.zeros((2, 64, 64, 3), np.uint8)
    images[0, :2, :2] = [[[255, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    flat = metrics.flat_pixels(images)
    assert flat.shape == (2, 32 * 32 * 3)
    assert flat[0, 0] == pytest.approx(0.25)
    assert flat[0, 1:].max() == 0
    assert metrics.flat_pixels(images[:, :16, :16]).shape == (2, 16 * 16 * 3)


def test_the_ladder_goes_down():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    rungs = build_ladder(images)
    assert list(rungs) == list(LADDER)
    error = {name: np.abs(rung.astype(float) - images).mean() for name, rung in rungs.items()}
    assert error["1/2 of the resolution"] < error["1/4 of the resolution"] < error["1/8 of the resolution"]
    assert all(rung.shape == images.shape and rung.dtype == np.uint8 for rung in rungs.values())
    assert np.array_equal(change(images, lambda some: some), images)


def test_a_reader_needs_both():
    features = cloud(40)
    labels = features[:, 0] > 0
    assert (train_reader(features, labels).predict(features) == labels).mean() > 0.8
    with pytest.raises(ValueError, match="with and without"):
        train_reader(features, np.ones(40, bool))
