"""Metrics from one small table per image: how many pixels of skin and of lesion have which predicted probability.

IoU and Dice at any threshold and calibration are computed from these tables, never from the training loss.
"""

import numpy as np
import pandas as pd
import torch
from scipy import ndimage, stats
from torch.nn import functional as F
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from segmentation.data import LesionData
from segmentation.transforms import LesionDataset, normalise

BINS = 100  # of probability; thresholds are multiples of 1 / BINS
BAND = 4  # pixels on either side of the true border
EVERYWHERE, BORDER = 0, 1  # the second axis of the tables


@torch.no_grad()  # not inference_mode, which fails with several processes
def predict(
    model, lesions: LesionData, accelerator=None, batch_size: int = 16, flips: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Tables (n, 2, 2, BINS), see `count_pixels`, and masks at threshold 0.5, bool (n, S, S).

    `flips` averages the probabilities of the image and its three mirror images (test-time augmentation).
    """
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(LesionDataset(lesions), batch_size))
    model = model.to(accelerator.device).eval()
    tables, predicted = [], []
    for images, masks in loader:
        probs = predict_probs(model, normalise(images), flips)  # (N, 1, S, S)
        gathered = accelerator.gather_for_metrics((count_pixels(probs, masks), probs[:, 0] >= 0.5))
        tables.append(gathered[0].cpu())
        predicted.append(gathered[1].cpu())
    return torch.cat(tables).numpy(), torch.cat(predicted).numpy()


@torch.no_grad()
def probability_maps(model, lesions: LesionData, batch_size: int = 16) -> np.ndarray:
    """Probabilities of lesion in percent, uint8 (n, S, S), with test-time augmentation; in one process."""
    accelerator = build_accelerator()
    model = model.to(accelerator.device).eval()
    parts = LesionDataset(lesions).images.to(accelerator.device).split(batch_size)
    probs = torch.cat([predict_probs(model, normalise(images), flips=True)[:, 0] for images in parts])
    return (100 * probs).round().byte().cpu().numpy()


def predict_probs(model, inputs: torch.Tensor, flips: bool) -> torch.Tensor:
    """Probabilities (N, 1, S, S) for inputs (N, 3, S, S): of one prediction, or the mean of four."""
    axes = ((), (2,), (3,), (2, 3)) if flips else ((),)
    return torch.stack([model(inputs.flip(some)).float().sigmoid().flip(some) for some in axes]).mean(dim=0)


def count_pixels(probs: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Numbers of pixels, (N, 2, 2, BINS), from probabilities and masks, both (N, 1, H, W).

    Axis 1: all pixels, then those within BAND pixels of the true border. Axis 2: skin, then lesion.
    """
    level = (probs * BINS).long().clamp(max=BINS - 1)
    places = level + BINS * masks.long() + 2 * BINS * torch.arange(len(probs), device=probs.device).view(-1, 1, 1, 1)
    size = 2 * BINS * len(probs)
    everywhere = torch.bincount(places.flatten(), minlength=size)
    border = torch.bincount(places[border_band(masks)], minlength=size)
    return torch.stack([counts.view(len(probs), 2, BINS) for counts in (everywhere, border)], dim=1)


def border_band(masks: torch.Tensor, width: int = BAND) -> torch.Tensor:
    """The pixels within `width` pixels (in both directions) of the border of masks (N, 1, H, W), bool."""
    window = 2 * width + 1
    dilated, eroded = F.max_pool2d(masks, window, 1, width), 1 - F.max_pool2d(1 - masks, window, 1, width)
    return dilated > eroded


def confusions(tables: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """True positives, false positives, false negatives and true negatives of each image, (n, 4), at a threshold."""
    cut = round(threshold * BINS)
    everywhere = tables[:, EVERYWHERE]
    positive, negative = everywhere[..., cut:].sum(axis=-1), everywhere[..., :cut].sum(axis=-1)  # (n, 2)
    return np.stack([positive[:, 1], positive[:, 0], negative[:, 1], negative[:, 0]], axis=1)


def image_iou(tables: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """IoU of each image, (n,); 1 where mask and prediction are both empty."""
    true_positives, false_positives, false_negatives, _ = confusions(tables, threshold).T
    union = true_positives + false_positives + false_negatives
    return np.divide(true_positives, union, out=np.ones(len(union)), where=union > 0)


def mask_iou(predicted: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """IoU of predicted with true masks, both (n, S, S), for each image, (n,); 1 where both are empty."""
    predicted, masks = predicted.astype(bool), masks.astype(bool)
    intersection, union = (predicted & masks).sum(axis=(1, 2)), (predicted | masks).sum(axis=(1, 2))
    return np.divide(intersection, union, out=np.ones(len(union)), where=union > 0)


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


def select_threshold(tables: np.ndarray) -> float:
    """The threshold with the highest mean IoU among 0.05, 0.1, …, 0.95; of equal ones the nearest to 0.5."""
    candidates = np.arange(1, 20) / 20
    values = np.array([image_iou(tables, threshold).mean() for threshold in candidates])
    best = np.flatnonzero(values >= values.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - 0.5))]])


def bootstrap_mean(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of one value per image, (n,), by resampling the images."""
    rows = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    return tuple(float(v) for v in np.quantile(values[rows].mean(axis=1), [0.025, 0.975]))


def games_howell(first: np.ndarray, second: np.ndarray, groups: int) -> tuple[float, float, float]:
    """Difference of two means of runs, (k,) and (m,), and its 95 % interval for all pairs of `groups` (Games–Howell).

    The standard deviations of the groups may differ. Source: Games and Howell 1976, doi:10.3102/10769986001002113.
    """
    parts = np.array([values.var(ddof=1) / len(values) for values in (first, second)])
    freedom = parts.sum() ** 2 / (parts**2 / [len(first) - 1, len(second) - 1]).sum()
    margin = stats.studentized_range.ppf(0.95, groups, freedom) * np.sqrt(parts.sum() / 2)
    gap = first.mean() - second.mean()
    return float(gap), float(gap - margin), float(gap + margin)


def tukey_margin(values: np.ndarray) -> float:
    """By how much two rows of `values` (groups, seeds) must differ on average: Tukey's significant difference, 95 %.

    Runs with the same seed share initial weights and batches, so the seeds are blocks: their effect is removed.
    Infinite for a single seed.
    """
    groups, seeds = values.shape
    freedom = (groups - 1) * (seeds - 1)
    if freedom < 1:
        return float("inf")
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    deviation = np.sqrt((residuals**2).sum() / freedom)
    return float(stats.studentized_range.ppf(0.95, groups, freedom) * deviation / np.sqrt(seeds))


def calibration(tables: np.ndarray, where: int = EVERYWHERE, bins: int = 10) -> pd.DataFrame:
    """In each bin of probability: the mean probability, the fraction of lesion, and the number of pixels."""
    grouped = tables[:, where].sum(axis=0).reshape(2, bins, BINS // bins)
    middles = (np.arange(BINS) + 0.5) / BINS
    pixels = grouped.sum(axis=(0, 2))
    confidence = (grouped.sum(axis=0) * middles.reshape(bins, -1)).sum(axis=1) / np.maximum(pixels, 1)
    fraction = grouped[1].sum(axis=1) / np.maximum(pixels, 1)
    return pd.DataFrame({"probability": confidence, "lesion": fraction, "pixels": pixels})


def calibration_error(tables: np.ndarray, where: int = EVERYWHERE) -> float:
    """Expected calibration error: |probability - fraction of lesion|, averaged over the pixels."""
    table = calibration(tables, where)
    return float(np.average((table["probability"] - table["lesion"]).abs(), weights=table["pixels"]))


def boundary_error(predicted: np.ndarray, masks: np.ndarray, outside_is_skin: bool = False) -> np.ndarray:
    """Average symmetric distance between two borders in pixels, (n,), for masks (n, S, S); infinite for an empty one.

    Where a mask touches the edge of the image: with `outside_is_skin`, its pixels there belong to the border, as in
    MONAI and medpy; without, they do not.
    """
    pairs = zip(predicted.astype(bool), masks.astype(bool), strict=True)
    return np.array([_border_distance(first, second, not outside_is_skin) for first, second in pairs])


def _border_distance(first: np.ndarray, second: np.ndarray, edge: bool) -> float:
    borders = [mask ^ ndimage.binary_erosion(mask, border_value=edge) for mask in (first, second)]
    if not (borders[0].any() and borders[1].any()):
        return float("inf") if borders[0].any() or borders[1].any() else 0.0
    distances = [ndimage.distance_transform_edt(~a)[b] for a, b in (borders, borders[::-1])]
    return float(np.concatenate(distances).mean())
