"""The report's numbers: from records of known masks, checked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from segmentation import baseline, data, grid, report
from segmentation.config import CONFIGS
from segmentation.data import Collection, Lesions
from segmentation.evaluate import BINS, mask_iou
from segmentation.grid import Cell, Record
from segmentation.losses import LOSSES
from segmentation.models import MODELS


def table(iou):
    """A table of one image of 100 pixels: `iou` of the 100 that are lesion are found, and nothing else is said."""
    counts = np.zeros((2, BINS), int)
    counts[1, -1], counts[1, 0] = iou, 100 - iou
    return counts


def record(validation, test, history=()):
    masks = np.zeros((len(test), 4, 4), bool)
    return Record(list(history), np.stack([table(v) for v in validation]), np.stack([table(v) for v in test]), masks)


def two_seeds(values):
    """Records for every network and loss, from {(model, loss): (validation of seed 0, of seed 1)}; others have 50."""
    records = {}
    for model in MODELS:
        for loss in LOSSES:
            for seed, value in enumerate(values.get((model, loss), (50, 50))):
                records[Cell(model, loss, seed)] = record([value], [value - 10, value - 20])
    return records


def test_seeds_are_averaged_image_by_image():
    records = {Cell("unet", "bce", 0): record([50], [20, 60]), Cell("unet", "bce", 1): record([50], [40, 80])}
    found = report.over_seeds(records, lambda one: grid.scores(one.test)["iou"])
    assert found["unet", "bce"] == pytest.approx(0.5)
    images = report.over_seeds(records, lambda one: report.image_iou(one.test))
    assert images["unet", "bce"] == pytest.approx([0.3, 0.7])


def test_the_validation_part_chooses_and_nothing_else():
    values = {("unet", "dice"): (90, 70), ("unet", "bce"): (79, 79), ("segnet", "focal"): (60, 66)}
    records = two_seeds(values)
    records[Cell("unet2", "bce", 0)] = record([10], [100, 100])  # wonderful on the test part alone
    kept = grid.winners(records)
    assert list(kept)[:2] == ["unet", "segnet"]
    assert kept["unet"] == Cell("unet", "dice", 0)
    assert kept["segnet"] == Cell("segnet", "focal", 1)
    assert kept["unet2"].loss != "bce"


def test_summary_and_grid():
    records = two_seeds({("unet", "dice"): (90, 70)})
    summary = report.summarise(records, 100, 0)
    assert summary.index[0] == ("unet", "dice")
    assert summary.loc[("unet", "dice"), "iou"] == pytest.approx(0.65)
    assert summary.loc[("unet", "dice"), "between starts"] == pytest.approx(0.2)
    assert summary.loc[("unet", "dice"), "validation IoU"] == pytest.approx(0.8)
    low, high = map(float, summary.loc[("unet", "dice"), "IoU, 95 % interval"].split(" to "))
    assert low <= 0.65 <= high
    shown = report.as_grid(
        {pair: values.mean() for pair, values in {(m, x): np.ones(1) for m in MODELS for x in LOSSES}.items()}
    )
    assert list(shown.index) == list(MODELS)
    assert list(shown.columns) == list(LOSSES)


def test_the_threshold_is_chosen_on_validation():
    validation, test = np.zeros((2, 1, 2, BINS), int)
    validation[0, 1, 35] = validation[0, 0, 10] = 100  # 0.15 to 0.35 is perfect here
    test[0, 1, 75] = test[0, 0, 55] = 100  # 0.6 to 0.75 would be perfect there
    one = Record([], validation, test, np.zeros((1, 4, 4), bool))
    row = report.thresholds({Cell("unet", "bce", 0): one}).iloc[0]
    assert 0.1 < row["threshold"] <= 0.35
    assert row["IoU at the threshold"] == 0.5


def test_thirds_of_sizes():
    areas = np.array([0.5, 0.1, 0.3, 0.2, 0.4, 0.6])
    found = report.by_size(areas, {"bce": areas})
    assert found["bce"].tolist() == pytest.approx([0.15, 0.35, 0.55])
    assert list(found.index) == ["10% to 20%", "30% to 40%", "50% to 60%"]


def test_costs_are_medians():
    history = [{"seconds": seconds, "waiting": 0.5} for seconds in (3.0, 1.0, 2.0)]
    found = report.costs({Cell("unet", "bce", 0): record([50], [50], history)})
    assert found.loc["unet"].to_dict() == {"seconds": 2.0, "waiting": 0.25}


def test_a_best_epoch_before_the_loss_began_is_named():
    course = [{"iou": 0.1}, {"iou": 0.6}, {"iou": 0.5}]
    records = {Cell("unet", loss, 0): record([50], [50], course) for loss in ("bce", "dice")}
    assert report.early(records, 2) == ["unet-dice-0"]
    assert report.early(records, 1) == []


def dark_square(side=64):
    image = np.full((side, side, 3), 200, np.uint8)
    mask = np.zeros((side, side), np.uint8)
    mask[16:48, 8:40] = 1
    image[mask > 0] = (120, 80, 60)
    return Lesions(image[None], mask[None], ["IMD001"])


def test_otsu_finds_what_is_dark():
    lesions = dark_square()
    assert mask_iou(baseline.otsu_masks(lesions), lesions.masks)[0] > 0.9


def test_a_data_set_is_described():
    row = baseline.describe(dark_square()).iloc[0]
    assert row["area"] == pytest.approx(0.25)
    assert (row["x"], row["y"]) == (pytest.approx(23.5 / 64), pytest.approx(31.5 / 64))
    assert row["lesion red"] == 120
    assert row["skin blue"] == 200
    assert row["contrast"] == pytest.approx(200 - 260 / 3)
    assert row["edge"] == 0
    assert row["corners"] == 200


def test_mask_iou_by_hand():
    found, truth = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    found[0, 0], truth[0, :, 0] = 1, 1
    assert mask_iou(found, truth).tolist() == [pytest.approx(1 / 3), 1]


def test_drawings_stand_for_themselves_or_teach_for_others(monkeypatch):
    part = dark_square()
    drawn = Collection(part, part, part, "drawn_lesions", "drawn", "abc")
    real = Collection(part, part, dark_square(32), "ph2", "PH2")
    config = CONFIGS["tiny"]
    assert data.from_drawings(config, drawn) is drawn
    monkeypatch.setattr(data, "load_drawn", lambda config: drawn)
    found = data.from_drawings(config, real)
    assert (found.train, found.test, found.name) == (drawn.train, real.test, "drawings_for_ph2")
    assert replace(found, test=drawn.test, name=drawn.name) == drawn
