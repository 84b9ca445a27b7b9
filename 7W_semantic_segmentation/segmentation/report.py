"""The comparison of the fifteen combinations, from their records."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from segmentation.data import DIAGNOSES, UNKNOWN
from segmentation.evaluate import (
    BORDER,
    EVERYWHERE,
    bootstrap_mean,
    calibration_error,
    games_howell,
    image_dice,
    image_iou,
    mask_iou,
    scores,
    select_threshold,
    tukey_margin,
)
from segmentation.losses import LOSSES
from segmentation.models import MODELS
from segmentation.records import Experiment, Record

Pair = tuple[str, str]  # network and loss


def each_seed(records: dict[Experiment, Record], measure: Callable) -> dict[Pair, np.ndarray]:
    """`measure` of each record, (seeds,) or (seeds, n), for each network and loss."""
    values: dict[Pair, list] = {}
    for experiment, record in records.items():
        values.setdefault((experiment.model, experiment.loss), []).append(measure(record))
    return {pair: np.array(several) for pair, several in values.items()}


def over_seeds(records: dict[Experiment, Record], measure: Callable) -> dict[Pair, np.ndarray]:
    """The mean of `measure` over the seeds, for each network and loss."""
    return {pair: values.mean(axis=0) for pair, values in each_seed(records, measure).items()}


def as_grid(values: dict[Pair, float]) -> pd.DataFrame:
    """A row per network, a column per loss."""
    return pd.DataFrame([[values[model, loss] for loss in LOSSES] for model in MODELS], list(MODELS), list(LOSSES))


def summarise(records: dict[Experiment, Record]) -> pd.DataFrame:
    """For each network and loss, means over the seeds: IoU and Dice on the test images, and IoU on the validation set.

    In the order of the networks and losses, not of the results.
    """
    test = over_seeds(records, lambda record: list(scores(record.test).values()))
    validation = over_seeds(records, lambda record: scores(record.validation)["iou"])
    rows = {pair: [*values, validation[pair]] for pair, values in test.items()}
    return pd.DataFrame(rows, ["IoU", "Dice", "homework's IoU", "validation IoU"]).T


def ensemble_iou(records: dict[Experiment, Record], masks: np.ndarray) -> dict[Pair, float]:
    """The validation IoU of each network and loss, with the mean probability over the seeds; masks (n, S, S)."""
    percent = over_seeds(records, lambda record: record.validation_probs.astype(float))
    return {pair: float(mask_iou(probs >= 50, masks).mean()) for pair, probs in percent.items()}


def select_single(records: dict[Experiment, Record]) -> Experiment:
    """The network and loss with the highest validation IoU, averaged over the seeds; of its seeds the best one."""
    iou = each_seed(records, lambda record: scores(record.validation)["iou"])
    best = max(iou, key=lambda pair: iou[pair].mean())
    return [one for one in records if (one.model, one.loss) == best][iou[best].argmax()]


def compare_networks(iou: dict[Pair, np.ndarray]) -> pd.DataFrame:
    """Differences of mean IoU between networks, over all runs (losses and seeds), with Games–Howell 95 % intervals.

    `iou` holds the mean IoU of each seed, (seeds,).
    """
    runs = {model: np.concatenate([iou[model, loss] for loss in LOSSES]) for model in MODELS}
    rows = {pair: games_howell(runs[pair[0]], runs[pair[1]], len(runs)) for pair in combinations(runs, 2)}
    return pd.DataFrame(rows, ["difference", "low", "high"]).T


def compare_losses(iou: dict[Pair, np.ndarray], model: str) -> pd.DataFrame:
    """Differences of mean IoU between the losses of one network, with Tukey's 95 % intervals; seeds are blocks."""
    margin = tukey_margin(np.stack([iou[model, loss] for loss in LOSSES]))
    rows = {}
    for first, second in combinations(LOSSES, 2):
        gap = float(iou[model, first].mean() - iou[model, second].mean())
        rows[first, second] = gap, gap - margin, gap + margin
    return pd.DataFrame(rows, ["difference", "low", "high"]).T


def thresholds(records: dict[Experiment, Record]) -> pd.DataFrame:
    """For each record: calibration errors, and the threshold selected on the validation set with its effect on IoU."""
    rows = {}
    for experiment, record in records.items():
        selected = select_threshold(record.validation)
        rows[experiment.model, experiment.loss, experiment.seed] = {
            "ECE, all pixels": calibration_error(record.test, EVERYWHERE),
            "ECE, near the border": calibration_error(record.test, BORDER),
            "threshold": selected,
            "IoU at 0.5": scores(record.test)["iou"],
            "IoU at the threshold": scores(record.test, selected)["iou"],
        }
    return pd.DataFrame(rows).T


def lesion_areas(record: Record) -> np.ndarray:
    """The fraction of each test image that is lesion, (n,)."""
    pixels = record.test[:, EVERYWHERE].sum(axis=-1)  # (n, 2)
    return pixels[:, 1] / pixels.sum(axis=1)


def compare_small_lesions(
    areas: np.ndarray, iou: dict[str, np.ndarray], resamples: int, seed: int, baseline: str = "bce"
) -> pd.DataFrame:
    """On the third of the images with the smallest lesions: the gain in IoU over `baseline`, with 95 % intervals.

    `iou` holds one value per image, (n,), for each loss. Intervals of the paired bootstrap, and of Student's t.
    """
    rows = np.array_split(np.argsort(areas, kind="stable"), 3)[0]
    table = {}
    for loss, values in iou.items():
        if loss != baseline:
            gain = (values - iou[baseline])[rows]
            low, high = bootstrap_mean(gain, resamples, seed)
            student = stats.ttest_1samp(gain, 0).confidence_interval(0.95)
            table[loss] = {"gain over BCE": gain.mean(), "bootstrap low": low, "bootstrap high": high}
            table[loss] |= {"t low": student.low, "t high": student.high, "images": len(rows)}
    return pd.DataFrame(table).T


def by_diagnosis(record: Record) -> pd.DataFrame:
    """Number of test images, mean IoU and Dice for each diagnosis; empty if no diagnosis is known."""
    iou, dice, rows = image_iou(record.test), image_dice(record.test), {}
    for number, name in enumerate(DIAGNOSES):
        chosen = record.diagnoses == number
        if chosen.any():
            rows[name] = {"images": chosen.sum(), "IoU": iou[chosen].mean(), "Dice": dice[chosen].mean()}
    if (record.diagnoses == UNKNOWN).all():
        return pd.DataFrame(columns=["images", "IoU", "Dice"])
    return pd.DataFrame(rows).T


def epoch_times(records: dict[Experiment, Record]) -> pd.Series:
    """Median seconds of an epoch for each network."""
    epochs = [
        {"model": one.model, "seconds": row["seconds"]} for one, record in records.items() for row in record.history
    ]
    return pd.DataFrame(epochs).groupby("model")["seconds"].median()


def selected_in_warmup(records: dict[Experiment, Record], warmup: int) -> list[str]:
    """The names of the runs whose selected epoch is one of the warm-up, although their loss is not BCE."""
    best = {}
    for one, record in records.items():
        iou = [row["iou"] for row in record.history]
        best[one] = max(range(len(iou)), key=lambda epoch: (iou[epoch], epoch))  # the last of equal ones
    return [one.name for one, epoch in best.items() if one.loss != "bce" and epoch < warmup]
