"""The comparison of the fifteen combinations: from records of known masks, checked by hand."""

import numpy as np
import pytest
from scipy import stats

from segmentation import baseline, report
from segmentation.data import UNKNOWN, LesionData
from segmentation.evaluate import BINS, image_iou, mask_iou, scores
from segmentation.losses import LOSSES
from segmentation.models import MODELS
from segmentation.records import Experiment, Record


def table(iou):
    """The table of one image of 100 pixels, all lesion, of which `iou` are predicted."""
    counts = np.zeros((2, 2, BINS), int)
    counts[:, 1, -1], counts[:, 1, 0] = iou, 100 - iou
    return counts


def make_record(validation, test, history=(), diagnoses=None, percent=0):
    tables = [np.stack([table(value) for value in values]) for values in (validation, test)]
    kinds = np.full(len(test), UNKNOWN) if diagnoses is None else np.array(diagnoses)
    return Record(
        list(history),
        *tables,
        np.zeros((len(test), 4, 4), bool),
        np.full((len(validation), 2, 2), percent, np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((len(test), 2)),
        kinds,
    )


def two_seeds(values):
    """Records for every network and loss, from {(model, loss): (validation of seed 0, of seed 1)}; others have 50."""
    return {
        Experiment(model, loss, seed): make_record([value], [value - 10, value - 20])
        for model in MODELS
        for loss in LOSSES
        for seed, value in enumerate(values.get((model, loss), (50, 50)))
    }


def test_seeds_are_averaged_image_by_image():
    runs = {Experiment("unet", "bce", seed): make_record([50], test) for seed, test in enumerate(([20, 60], [40, 80]))}
    assert report.over_seeds(runs, lambda one: scores(one.test)["iou"])["unet", "bce"] == pytest.approx(0.5)
    assert report.each_seed(runs, lambda one: scores(one.test)["iou"])["unet", "bce"] == pytest.approx([0.4, 0.6])
    images = report.over_seeds(runs, lambda one: image_iou(one.test))
    assert images["unet", "bce"] == pytest.approx([0.3, 0.7])


def test_the_selection_uses_validation_images_only():
    runs = two_seeds({("unet", "dice"): (70, 90), ("unet", "bce"): (79, 79), ("segnet", "focal"): (60, 66)})
    runs[Experiment("unet2", "bce", 0)] = make_record([10], [100, 100])  # excellent on the test images only
    assert report.select_single(runs) == Experiment("unet", "dice", 1)


def test_an_ensemble_averages_the_probabilities_of_its_seeds():
    first, second = (make_record([50], [90], percent=value) for value in (0, 0))
    first.validation_probs[0] = [[90, 90], [10, 0]]
    second.validation_probs[0] = [[80, 11], [70, 89]]  # the means: 85, 50.5, 40, 44.5
    masks = np.array([[[1, 1], [1, 0]]])
    runs = {Experiment("unet", "dice", 0): first, Experiment("unet", "dice", 1): second}
    runs[Experiment("unet", "bce", 0)] = make_record([50], [90], percent=50)  # lesion everywhere
    found = report.ensemble_iou(runs, masks)
    assert found == pytest.approx({("unet", "dice"): 2 / 3, ("unet", "bce"): 3 / 4})


def test_summary_and_grid():
    summary = report.summarise(two_seeds({("unet", "dice"): (90, 70)}))
    row = summary.loc[("unet", "dice")]
    assert row["IoU"] == pytest.approx(0.65)
    assert row["validation IoU"] == pytest.approx(0.8)
    assert len(summary) == 15
    shown = report.as_grid({(model, loss): 1.0 for model in MODELS for loss in LOSSES})
    assert (list(shown.index), list(shown.columns)) == (list(MODELS), list(LOSSES))


def test_differences_are_measured_against_those_between_seeds():
    offsets, seeds = {"segnet": 0.0, "unet": 0.05, "unet2": 0.001}, np.array([-0.004, 0.004])
    iou = {(model, loss): 0.8 + offsets[model] + seeds for model in MODELS for loss in LOSSES}
    table = report.compare_networks(iou)
    assert table.loc[("segnet", "unet"), "high"] < 0 < table.loc[("unet", "unet2"), "low"]
    assert table.loc[("segnet", "unet2"), "low"] < 0 < table.loc[("segnet", "unet2"), "high"]
    expected = np.mean([iou["segnet", loss] for loss in LOSSES]) - np.mean([iou["unet", loss] for loss in LOSSES])
    assert table.loc[("segnet", "unet"), "difference"] == pytest.approx(expected)
    losses = report.compare_losses(iou, "unet")
    assert len(losses) == 10
    assert ((losses["low"] < 0) & (losses["high"] > 0)).all()
    iou["unet", "dice"] = iou["unet", "dice"] + 0.05
    assert report.compare_losses(iou, "unet").loc[("bce", "dice"), "high"] < 0


def test_the_threshold_is_selected_on_validation_images():
    validation, test = np.zeros((2, 1, 2, 2, BINS), int)
    validation[0, :, 1, 35] = validation[0, :, 0, 10] = 100  # 0.15 to 0.35 is perfect here
    test[0, :, 1, 75] = test[0, :, 0, 55] = 100  # 0.6 to 0.75 would be perfect there
    one = Record(
        [],
        validation,
        test,
        np.zeros((1, 4, 4), bool),
        np.zeros((1, 4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 2)),
        np.array([UNKNOWN]),
    )
    row = report.thresholds({Experiment("unet", "bce", 0): one}).iloc[0]
    assert 0.1 < row["threshold"] <= 0.35
    assert row["IoU at the threshold"] == 0.5


def test_small_lesions_are_compared_with_bce_image_by_image():
    areas = np.array([0.5, 0.1, 0.3, 0.2, 0.4, 0.6])
    bce = np.linspace(0.5, 0.9, 6)
    dice = bce + np.array([0.0, 0.02, 0.0, 0.04, 0.0, 0.0])  # better on the two smallest
    table = report.compare_small_lesions(areas, {"bce": bce, "dice": dice}, 500, 0)
    assert list(table.index) == ["dice"]
    assert table.loc["dice", "gain over BCE"] == pytest.approx(0.03)
    assert 0.0199 < table.loc["dice", "bootstrap low"] < 0.03 < table.loc["dice", "bootstrap high"] < 0.0401
    interval = stats.ttest_1samp([0.02, 0.04], 0).confidence_interval(0.95)
    assert table.loc["dice", ["t low", "t high"]].tolist() == pytest.approx([interval.low, interval.high])
    assert table.loc["dice", "t high"] == pytest.approx(0.03 + 12.7062 * 0.01, abs=1e-5)  # t of one degree of freedom


def test_results_of_each_diagnosis():
    table = report.by_diagnosis(make_record([50], [20, 40, 80], diagnoses=[0, 0, 2]))
    assert table["IoU"].to_dict() == {"common naevus": pytest.approx(0.3), "melanoma": pytest.approx(0.8)}
    assert table["images"].tolist() == [2, 1]
    assert report.by_diagnosis(make_record([50], [20])).empty


def test_areas_come_from_the_tables():
    one = make_record([50], [20])
    one.test[0, 0, 0, 3] = 300  # skin
    assert report.lesion_areas(one).tolist() == [0.25]


def test_epoch_times_are_medians():
    history = [{"seconds": seconds} for seconds in (3.0, 1.0, 2.0)]
    assert report.epoch_times({Experiment("unet", "bce", 0): make_record([50], [50], history)})["unet"] == 2


def test_a_selected_epoch_of_the_warm_up_is_named():
    history = [{"iou": 0.1}, {"iou": 0.6}, {"iou": 0.5}]
    runs = {Experiment("unet", loss, 0): make_record([50], [50], history) for loss in ("bce", "dice")}
    assert report.selected_in_warmup(runs, 2) == ["unet-dice-0"]
    assert report.selected_in_warmup(runs, 1) == []


def dark_square(side=64):
    image = np.full((side, side, 3), 200, np.uint8)
    mask = np.zeros((side, side), np.uint8)
    mask[16:48, 8:40] = 1
    image[mask > 0] = (120, 80, 60)
    return LesionData(image[None], mask[None], ["IMD001"], np.array([UNKNOWN]))


def test_otsu_selects_the_dark_part():
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
