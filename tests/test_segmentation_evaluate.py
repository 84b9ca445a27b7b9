"""Metrics from tables of pixel counts: by hand, against scikit-learn, scipy and MONAI's convention."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from sklearn.metrics import f1_score, jaccard_score

from segmentation import evaluate


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(6, 1, 16, 16, generator=generator)
    truth = ((probs + 0.6 * torch.rand(6, 1, 16, 16, generator=generator)) > 0.9).float()
    return probs, truth


def test_tables_hold_every_pixel_once(images):
    tables = evaluate.count_pixels(*images).numpy()
    assert tables.shape == (6, 2, 2, evaluate.BINS)
    everywhere = tables[:, evaluate.EVERYWHERE]
    assert (everywhere.sum(axis=(1, 2)) == 256).all()
    assert np.array_equal(everywhere[:, 1].sum(axis=1), images[1].sum((1, 2, 3)).numpy())


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.9])
def test_scores_are_scikit_learns(images, threshold):
    tables = evaluate.count_pixels(*images).numpy()
    said = (images[0] >= threshold).flatten(1).numpy()
    truth = images[1].flatten(1).numpy()
    for row in range(6):
        assert evaluate.image_iou(tables, threshold)[row] == pytest.approx(jaccard_score(truth[row], said[row]))
        assert evaluate.image_dice(tables, threshold)[row] == pytest.approx(f1_score(truth[row], said[row]))


def test_parts_are_joined_by_stacking(images):
    whole = evaluate.count_pixels(*images).numpy()
    parts = [evaluate.count_pixels(images[0][rows], images[1][rows]).numpy() for rows in (slice(0, 2), slice(2, 6))]
    assert np.array_equal(whole, np.concatenate(parts))


def test_the_border_band_by_erosion_and_dilation():
    mask = np.zeros((24, 24))
    mask[8:20, 6:15] = 1
    square = np.ones((2 * evaluate.BAND + 1,) * 2)
    expected = ndimage.binary_dilation(mask, square) & ~ndimage.binary_erosion(mask, square, border_value=1)
    found = evaluate.border_band(torch.from_numpy(mask).float()[None, None])[0, 0].numpy()
    assert np.array_equal(found, expected)
    probs = torch.rand(1, 1, 24, 24)
    tables = evaluate.count_pixels(probs, torch.from_numpy(mask).float()[None, None]).numpy()
    assert tables[0, evaluate.BORDER].sum() == expected.sum()


def table_of(skin, lesion):
    """One image's table from {probability: pixels}, the same everywhere and near the border."""
    table = np.zeros((1, 2, 2, evaluate.BINS), int)
    for row, counts in enumerate((skin, lesion)):
        for probability, pixels in counts.items():
            table[0, :, row, round(probability * evaluate.BINS)] = pixels
    return table


def test_by_hand():
    tables = table_of({0.1: 80, 0.7: 4}, {0.9: 12, 0.4: 4})
    assert evaluate.confusions(tables).tolist() == [[12, 4, 4, 80]]
    assert evaluate.scores(tables) == pytest.approx({"iou": 0.6, "dice": 0.75, "homework_iou": 0.2})
    assert evaluate.image_iou(tables, 0.4).tolist() == [16 / 20]
    assert evaluate.select_threshold(tables) == 0.4
    assert evaluate.image_iou(table_of({0.1: 9}, {})).tolist() == [1.0]


def test_the_homeworks_iou_is_in_tenths():
    found = evaluate.homework_iou(np.array([0.3, 0.5, 0.51, 0.55, 0.6, 0.65, 0.75, 0.8, 0.949, 0.95, 0.96, 1]))
    assert found.tolist() == [0, 0, 0.1, 0.1, 0.2, 0.3, 0.5, 0.6, 0.9, 0.9, 1, 1]


def test_calibration_of_honest_probabilities_is_perfect():
    honest = table_of({0.24: 75, 0.75: 25}, {0.24: 25, 0.75: 75})  # the middles of their bins: 0.245 and 0.755
    assert evaluate.calibration_error(honest) < 0.01
    assert evaluate.calibration(honest)["lesion"].to_numpy()[[2, 7]] == pytest.approx([0.25, 0.75])
    boastful = table_of({0.99: 50}, {0.99: 50})
    assert evaluate.calibration_error(boastful) == pytest.approx(0.495, abs=0.005)


def test_boundary_error():
    one, other = np.zeros((2, 1, 40, 40), bool)
    one[0, 10:30, 10:30] = other[0, 8:32, 8:32] = True
    assert evaluate.boundary_error(one, one)[0] == 0
    assert evaluate.boundary_error(one, other)[0] == pytest.approx(2, abs=0.1)
    nothing = np.zeros((1, 40, 40), bool)
    assert np.isinf(evaluate.boundary_error(one, nothing)[0])
    assert evaluate.boundary_error(nothing, nothing)[0] == 0


def test_two_conventions_at_the_edge_of_the_image():
    """Two masks that touch the left edge: with `outside_is_skin`, as in MONAI, the edge belongs to both borders."""
    one, other = np.zeros((2, 1, 20, 20), bool)
    one[0, 5:15, :10], other[0, 5:15, :12] = True, True
    inside, outside = (evaluate.boundary_error(one, other, way)[0] for way in (False, True))
    expected = []
    for border_value in (1, 0):
        borders = [mask[0] ^ ndimage.binary_erosion(mask[0], border_value=border_value) for mask in (one, other)]
        ways = [ndimage.distance_transform_edt(~a)[b] for a, b in (borders, borders[::-1])]
        expected.append(np.concatenate(ways).mean())
    assert (inside, outside) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
    assert outside < inside, "shared border pixels lower the mean distance"


def test_tukeys_difference_with_blocks():
    """Without an effect of the seeds, nearly scipy's own Tukey test; a shift of all runs of a seed changes nothing."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.8, 0.01, (4, 30))
    interval = stats.tukey_hsd(*values).confidence_interval(0.95)
    margin = evaluate.tukey_margin(values)
    assert margin == pytest.approx((interval.high - interval.low)[0, 1] / 2, rel=0.1)
    assert evaluate.tukey_margin(values + rng.normal(0, 1, 30)) == pytest.approx(margin)
    assert evaluate.tukey_margin(values[:, :1]) == np.inf


def test_games_howell_is_tukeys_test_for_equal_deviations():
    rng = np.random.default_rng(1)
    first = rng.normal(0.8, 0.01, 12)
    second = 1.59 - first  # the same deviation
    gap, low, high = evaluate.games_howell(first, second, 3)
    third = rng.permutation(first)
    interval = stats.tukey_hsd(first, second, third).confidence_interval(0.95)
    assert gap == pytest.approx(first.mean() - second.mean())
    assert (gap - low, high - gap) == (pytest.approx((high - low) / 2), pytest.approx((high - low) / 2))
    assert (high - low) == pytest.approx(
        (interval.high - interval.low)[0, 1], rel=0.03
    )  # 22 degrees of freedom, not 33
    wide = evaluate.games_howell(first, rng.normal(0.8, 0.1, 12), 3)
    assert wide[2] - wide[1] > 5 * (high - low)


def test_intervals_narrow_with_n():
    values = np.random.default_rng(0).normal(0.8, 0.1, 50)
    low, high = evaluate.bootstrap_mean(values, 2000, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(50), rel=0.1)


def test_four_predictions_are_averaged_and_flipped_back():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 1, 3, padding=1)
    images = torch.rand(2, 3, 8, 8)
    with torch.inference_mode():
        mirrored = evaluate.predict_probs(model, images.flip(3), True).flip(3)
        assert torch.allclose(evaluate.predict_probs(model, images, True), mirrored, atol=1e-6)
        assert not torch.allclose(evaluate.predict_probs(model, images, False), mirrored, atol=1e-3)
