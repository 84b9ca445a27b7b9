"""How good a mask is: everything from one small table an image, and never from the training loss.

A table holds, for lesion and for skin, how many pixels have which probability. It is all that IoU and Dice at any
threshold, calibration and their averages need; tables of parts are joined by putting them one below the other.
"""

import numpy as np
import pandas as pd
import torch
from scipy import ndimage, stats
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from segmentation.data import Lesions
from segmentation.transforms import LesionSet, to_network

BINS = 100  # of probability; thresholds are multiples of 1 / BINS


@torch.no_grad()  # not inference_mode, which several processes do not survive
def predict(
    model, lesions: Lesions, accelerator=None, batch: int = 16, mirrored: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Tables (n, 2, BINS), see above, row 0 skin and row 1 lesion; and masks at threshold ½, bool (n, S, S).

    If `mirrored`, each picture is shown as it is, mirrored, upside down, and both; the four answers are averaged.
    """
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(LesionSet(lesions), batch))
    model = model.to(accelerator.device).eval()
    tables, masks = [], []
    for images, targets in loader:
        probs = ask(model, to_network(images), mirrored)  # (N, 1, S, S)
        found = accelerator.gather_for_metrics((count(probs, targets), probs[:, 0] >= 0.5))
        tables.append(found[0].cpu())
        masks.append(found[1].cpu())
    return torch.cat(tables).numpy(), torch.cat(masks).numpy()


def ask(model, images: torch.Tensor, mirrored: bool) -> torch.Tensor:
    """Probabilities (N, 1, S, S) for images (N, 3, S, S), of one answer or of four."""
    ways = ((), (2,), (3,), (2, 3)) if mirrored else ((),)
    answers = [model(images.flip(way)).float().sigmoid().flip(way) for way in ways]
    return torch.stack(answers).mean(dim=0)


def count(probs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The tables of a batch, (N, 2, BINS), from probabilities and masks, both (N, 1, H, W)."""
    level = (probs * BINS).long().clamp(max=BINS - 1)
    places = level + BINS * targets.long()
    offset = 2 * BINS * torch.arange(len(probs), device=probs.device).view(-1, 1, 1, 1)
    counts = torch.bincount((places + offset).flatten(), minlength=2 * BINS * len(probs))
    return counts.view(len(probs), 2, BINS)


def confusions(tables: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Hits, false alarms, misses and rightly left out pixels, (n, 4), if from `threshold` on all is lesion."""
    cut = round(threshold * BINS)
    said, not_said = tables[..., cut:].sum(axis=-1), tables[..., :cut].sum(axis=-1)  # (n, 2)
    return np.stack([said[:, 1], said[:, 0], not_said[:, 1], not_said[:, 0]], axis=1)


def image_iou(tables: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """IoU of each image, (n,); 1 where there is nothing and nothing was said."""
    hits, alarms, misses, _ = confusions(tables, threshold).T
    union = hits + alarms + misses
    return np.divide(hits, union, out=np.ones(len(union)), where=union > 0)


def mask_iou(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of masks (n, S, S) with the truth, (n,); 1 where there is nothing and nothing was said."""
    found, truth = found.astype(bool), truth.astype(bool)
    shared, union = (found & truth).sum(axis=(1, 2)), (found | truth).sum(axis=(1, 2))
    return np.divide(shared, union, out=np.ones(len(union)), where=union > 0)


def image_dice(tables: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Dice of each image, (n,): 2 IoU / (1 + IoU)."""
    iou = image_iou(tables, threshold)
    return 2 * iou / (1 + iou)


def homework_iou(iou: np.ndarray) -> np.ndarray:
    """The homework's thresholded IoU, (n,): 0 up to an IoU of 0.5, a tenth for each 0.05 begun, 1 above 0.95."""
    steps = np.clip(20 * (iou - 0.5), 0, 10)
    return np.ceil(steps - 1e-9) / 10  # 0.55 is eleven twentieths, and in floating point a little more


def scores(tables: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """Means over the images of IoU, Dice and the homework's IoU."""
    iou = image_iou(tables, threshold)
    return {
        "iou": float(iou.mean()),
        "dice": float(image_dice(tables, threshold).mean()),
        "homework_iou": float(homework_iou(iou).mean()),
    }


def pick_threshold(tables: np.ndarray) -> float:
    """The threshold with the best mean IoU, of 0.05, 0.1, …, 0.95; the one nearest to ½ of equals."""
    grid = np.arange(1, 20) / 20
    found = np.array([image_iou(tables, threshold).mean() for threshold in grid])
    best = np.flatnonzero(found >= found.max() - 1e-12)
    return float(grid[best[np.argmin(np.abs(grid[best] - 0.5))]])


def bootstrap_mean(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of one value an image, from drawing the images again."""
    rows = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    return tuple(float(v) for v in np.quantile(values[rows].mean(axis=1), [0.025, 0.975]))


def calibration(tables: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """In each of `bins` ranges of probability: what is said on average, the share that is lesion, and the pixels."""
    grouped = tables.sum(axis=0).reshape(2, bins, BINS // bins)
    middles = (np.arange(BINS) + 0.5) / BINS
    pixels = grouped.sum(axis=(0, 2))
    said = (grouped.sum(axis=0) * middles.reshape(bins, -1)).sum(axis=1) / np.maximum(pixels, 1)
    return pd.DataFrame({"said": said, "lesion": grouped[1].sum(axis=1) / np.maximum(pixels, 1), "pixels": pixels})


def calibration_error(tables: np.ndarray) -> float:
    """Mean distance of what is said from what is so, weighted by pixels."""
    table = calibration(tables)
    return float(np.average((table["said"] - table["lesion"]).abs(), weights=table["pixels"]))


def boundary_error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance between the borders of two masks in pixels, both ways, (n,); infinite where one has no border."""
    return np.array([_border_distance(a, b) for a, b in zip(found.astype(bool), truth.astype(bool), strict=True)])


def _border_distance(first: np.ndarray, second: np.ndarray) -> float:
    borders = [mask ^ ndimage.binary_erosion(mask, border_value=1) for mask in (first, second)]
    if not (borders[0].any() and borders[1].any()):
        return float("inf") if borders[0].any() or borders[1].any() else 0.0
    ways = [ndimage.distance_transform_edt(~a)[b] for a, b in (borders, borders[::-1])]
    return float(np.concatenate(ways).mean())


def compare(values: dict[str, np.ndarray], first: str) -> pd.DataFrame:
    """`first` against each other, image by image; it must not have been chosen on these images.

    The mean difference, the share of images on which `first` is ahead, and Wilcoxon's one-sided p that it is better,
    corrected by Holm's method. `values` holds one number an image, (n,), the same images for all.
    """
    rows = {}
    for name, other in values.items():
        if name != first:
            gap = values[first] - other
            p = stats.wilcoxon(gap, alternative="greater").pvalue if np.any(gap != 0) else 1.0
            rows[name] = {"ahead by": float(gap.mean()), "ahead on": float((gap > 0).mean()), "p": float(p)}
    table = pd.DataFrame(rows).T.sort_values("p", kind="stable")
    table["p, corrected"] = holm(table["p"].to_numpy())
    return table


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction of sorted p-values, (k,). Source: Holm 1979, Scandinavian Journal of Statistics 6."""
    return np.minimum(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), 1)
