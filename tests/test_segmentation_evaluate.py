"""Scores from tables of counts: by hand, against plain arrays, and joined from parts."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import f1_score, jaccard_score

from segmentation import evaluate


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(6, 1, 16, 16, generator=generator)
    truth = ((probs + 0.6 * torch.rand(6, 1, 16, 16, generator=generator)) > 0.9).float()
    return probs, truth


def test_tables_hold_every_pixel_once(pictures):
    tables = evaluate.count(*pictures).numpy()
    assert tables.shape == (6, 2, evaluate.BINS)
    assert (tables.sum(axis=(1, 2)) == 256).all()
    assert np.array_equal(tables[:, 1].sum(axis=1), pictures[1].sum((1, 2, 3)).numpy())


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.9])
def test_scores_are_scikit_learns(pictures, threshold):
    tables = evaluate.count(*pictures).numpy()
    said = (pictures[0] >= threshold).flatten(1).numpy()
    truth = pictures[1].flatten(1).numpy()
    for row in range(6):
        assert evaluate.image_iou(tables, threshold)[row] == pytest.approx(jaccard_score(truth[row], said[row]))
        assert evaluate.image_dice(tables, threshold)[row] == pytest.approx(f1_score(truth[row], said[row]))


def test_parts_are_joined_by_stacking(pictures):
    whole = evaluate.count(*pictures).numpy()
    parts = [evaluate.count(pictures[0][rows], pictures[1][rows]).numpy() for rows in (slice(0, 2), slice(2, 6))]
    assert np.array_equal(whole, np.concatenate(parts))


def table_of(skin, lesion):
    """One image's table from {probability: pixels}."""
    table = np.zeros((1, 2, evaluate.BINS), int)
    for row, counts in enumerate((skin, lesion)):
        for probability, pixels in counts.items():
            table[0, row, round(probability * evaluate.BINS)] = pixels
    return table


def test_by_hand():
    tables = table_of({0.1: 80, 0.7: 4}, {0.9: 12, 0.4: 4})
    assert evaluate.confusions(tables).tolist() == [[12, 4, 4, 80]]
    assert evaluate.scores(tables) == pytest.approx({"iou": 0.6, "dice": 0.75, "homework_iou": 0.2})
    assert evaluate.image_iou(tables, 0.4).tolist() == [16 / 20]
    assert evaluate.pick_threshold(tables) == 0.4
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


def test_comparison_has_a_direction_and_corrects():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.7, 0.9, 50)
    values = {"a": base, "b": base - 0.02 - rng.normal(0, 0.01, 50), "c": base + rng.normal(0, 0.02, 50) - 0.002}
    table = evaluate.compare(values, "a")
    assert sorted(table.index) == ["b", "c"]
    gap = values["a"] - values["b"]
    assert table.loc["b", "p"] == pytest.approx(stats.wilcoxon(gap, alternative="greater").pvalue)
    assert table.loc["b", "p, corrected"] == pytest.approx(2 * table.loc["b", "p"])
    assert table.loc["b", "ahead by"] == pytest.approx(gap.mean())
    assert table.loc["b", "ahead on"] == (gap > 0).mean()
    often_behind = {"a": base - np.r_[np.full(47, 0.01), np.full(3, -0.5)], "b": base}  # ahead by the mean, by three
    assert often_behind["a"].mean() > base.mean()
    assert evaluate.compare(often_behind, "a").loc["b", "p"] > 0.9
    assert evaluate.holm(np.array([0.01, 0.02, 0.9])).tolist() == pytest.approx([0.03, 0.04, 0.9])
    assert evaluate.holm(np.array([0.3, 0.3])).tolist() == pytest.approx([0.6, 0.6])


def test_intervals_narrow_with_n():
    values = np.random.default_rng(0).normal(0.8, 0.1, 50)
    low, high = evaluate.bootstrap_mean(values, 2000, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(50), rel=0.1)


def test_four_answers_are_averaged_and_turn_with_the_picture():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 1, 3, padding=1)
    images = torch.rand(2, 3, 8, 8)
    with torch.inference_mode():
        mirrored = evaluate.ask(model, images.flip(3), True).flip(3)
        assert torch.allclose(evaluate.ask(model, images, True), mirrored, atol=1e-6)
        assert not torch.allclose(evaluate.ask(model, images, False), mirrored, atol=1e-3)
