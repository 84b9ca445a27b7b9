"""What the report says of the grid, all of it from the records, with one number an image for each network and loss."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from segmentation.evaluate import bootstrap_mean, calibration_error, image_iou, pick_threshold, scores
from segmentation.grid import Cell, Record
from segmentation.losses import LOSSES
from segmentation.models import MODELS

Pair = tuple[str, str]  # network and loss


def over_seeds(records: dict[Cell, Record], measure: Callable) -> dict[Pair, np.ndarray]:
    """What `measure` finds in a record, (n,) or a number, averaged over the seeds, for each network and loss."""
    found: dict[Pair, list] = {}
    for cell, record in records.items():
        found.setdefault((cell.model, cell.loss), []).append(measure(record))
    return {pair: np.mean(values, axis=0) for pair, values in found.items()}


def as_grid(values: dict[Pair, float]) -> pd.DataFrame:
    """A row a network, a column a loss."""
    return pd.DataFrame([[values[model, loss] for loss in LOSSES] for model in MODELS], list(MODELS), list(LOSSES))


def summarise(records: dict[Cell, Record], resamples: int, seed: int) -> pd.DataFrame:
    """A row for each network and loss, the best first: scores on the test part, an interval, seeds, validation IoU."""
    iou = over_seeds(records, lambda record: image_iou(record.test))
    rows = {}
    for pair, values in sorted(iou.items(), key=lambda item: -item[1].mean()):
        cells = [cell for cell in records if (cell.model, cell.loss) == pair]
        found = pd.DataFrame([scores(records[cell].test) for cell in cells])
        low, high = bootstrap_mean(values, resamples, seed)
        rows[pair] = {
            **found.mean().to_dict(),
            "IoU, 95 % interval": f"{low:.3f} to {high:.3f}",
            "between starts": np.ptp(found["iou"]),
            "validation IoU": np.mean([scores(records[cell].validation)["iou"] for cell in cells]),
        }
    return pd.DataFrame(rows).T.infer_objects()


def thresholds(records: dict[Cell, Record]) -> pd.DataFrame:
    """A row a record: the threshold that is best on the validation part, what it changes on the test part; and ECE."""
    rows = {}
    for cell, record in records.items():
        chosen = pick_threshold(record.validation)
        rows[cell.model, cell.loss, cell.seed] = {
            "calibration error": calibration_error(record.test),
            "threshold": chosen,
            "IoU at 0.5": scores(record.test)["iou"],
            "IoU at the threshold": scores(record.test, chosen)["iou"],
        }
    return pd.DataFrame(rows).T


def by_size(areas: np.ndarray, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Mean of each of `values`, (n,), over the small, middle and large third of lesions; `areas` are shares, (n,)."""
    thirds = np.array_split(np.argsort(areas, kind="stable"), 3)
    titles = [f"{areas[rows].min():.0%} to {areas[rows].max():.0%}" for rows in thirds]
    return pd.DataFrame({name: [found[rows].mean() for rows in thirds] for name, found in values.items()}, titles)


def costs(records: dict[Cell, Record]) -> pd.DataFrame:
    """Median seconds of an epoch, and the share of them spent waiting for pictures, a row a network."""
    epochs = [{"model": cell.model, **epoch} for cell, record in records.items() for epoch in record.history]
    table = pd.DataFrame(epochs).groupby("model").median(numeric_only=True)
    return pd.DataFrame({"seconds": table["seconds"], "waiting": table["waiting"] / table["seconds"]})


def early(records: dict[Cell, Record], warmup: int) -> list[str]:
    """Names of the trainings whose best epoch still belonged to cross-entropy, though their loss is another."""
    best = {cell: int(np.argmax([epoch["iou"] for epoch in record.history])) for cell, record in records.items()}
    return [cell.name for cell, epoch in best.items() if cell.loss != "bce" and epoch < warmup]
