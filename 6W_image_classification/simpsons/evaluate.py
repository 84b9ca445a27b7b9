"""Predictions gathered from all processes, metrics from a confusion matrix, intervals, calibration, features."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from simpsons.data import ImageData
from simpsons.models import pool
from simpsons.transforms import ImageDataset, normalise


@torch.no_grad()  # not inference_mode, which fails with several processes
def predict(
    model, data: ImageData, accelerator=None, batch: int = 64, flip: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, classes) and labels (n,), in the order of `data`, each once for any number of processes.

    `flip` averages the logits of each image and its mirror image (test-time augmentation).
    """
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(ImageDataset(data.images, data.labels), batch))
    model = model.to(accelerator.device).eval()
    logits, labels = [], []
    for images, targets in loader:
        inputs = normalise(images)
        found = model(inputs).float()
        if flip:
            found = (found + model(inputs.flip(3)).float()) / 2
        gathered = accelerator.gather_for_metrics((found, targets))
        logits.append(gathered[0].cpu())
        labels.append(gathered[1].cpu())
    return torch.cat(logits).numpy(), torch.cat(labels).numpy()


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix (classes, classes): rows are true classes, columns predictions."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def one_per_confusion(order: np.ndarray, labels: np.ndarray, predicted: np.ndarray, number: int) -> np.ndarray:
    """The first rows in `order` that are errors, at most one for each pair of true and predicted class."""
    wrong = order[labels[order] != predicted[order]]
    _, first = np.unique(np.stack([labels[wrong], predicted[wrong]]), axis=1, return_index=True)
    return wrong[np.sort(first)][:number]


def class_f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class, (classes,), from a confusion matrix; NaN for a class that is neither true nor predicted."""
    total = counts.sum(axis=0) + counts.sum(axis=1)
    return np.divide(2 * np.diag(counts), total, out=np.full(len(counts), np.nan), where=total > 0)


def precision_recall(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of each class, (classes,), from a confusion matrix; NaN where the denominator is 0."""
    found = []
    for totals in (counts.sum(axis=0), counts.sum(axis=1)):
        found.append(np.divide(np.diag(counts), totals, out=np.full(len(counts), np.nan), where=totals > 0))
    return found[0], found[1]


def scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, and macro-F1 over the classes that occur among labels or predictions.

    Raises: ValueError for images without labels.
    """
    if len(labels) and labels.min() < 0:
        raise ValueError("these images have no labels, so they cannot be evaluated; see data.hold_out_test")
    counts = confusion(labels, logits.argmax(axis=1), logits.shape[1])
    return {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "macro_f1": float(np.nanmean(class_f1(counts))),
    }


def balanced_f1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Macro-F1 as if all classes that occur had equally many images.

    In plain F1, one false positive among hundreds of other images costs a class with a single image a third of its F1.
    Here the rows of the confusion matrix are fractions, so a false positive of a frequent class counts little.
    """
    counts = confusion(labels, logits.argmax(axis=1), logits.shape[1])
    there = counts.sum(axis=1) > 0
    return float(class_f1(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[there].mean())


def balanced_scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and `balanced_f1`."""
    return {"accuracy": scores(logits, labels)["accuracy"], "balanced_f1": balanced_f1(logits, labels)}


def bootstrap(
    logits: np.ndarray, labels: np.ndarray, resamples: int, seed: int, chosen: np.ndarray | None = None
) -> dict[str, tuple[float, float]]:
    """95 % intervals of accuracy and macro-F1, by resampling the images within each class.

    With `chosen`, a mask (classes,), macro-F1 is the mean over these classes only.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        counts = confusion(labels[rows], logits[rows].argmax(axis=1), logits.shape[1])
        f1 = class_f1(counts)
        f1 = f1 if chosen is None else f1[chosen]
        drawn.append({"accuracy": np.trace(counts) / counts.sum(), "macro_f1": np.nanmean(f1)})
    return {name: tuple(float(v) for v in np.quantile([d[name] for d in drawn], [0.025, 0.975])) for name in drawn[0]}


def seed_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over seeds and the limits of its 95 % t interval, which are NaN for a single seed."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), float("nan"), float("nan")
    margin = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - margin), float(values.mean() + margin)


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """The mean negative log-likelihood of the labels under softmax(logits / temperature)."""
    return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the lowest `nll`, between 0.05 and 20. Source: Guo et al. 2017, arXiv:1706.04599."""
    found = minimize_scalar(lambda log: nll(logits, labels, np.exp(log)), bounds=np.log([0.05, 20]), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probs: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |confidence - accuracy|, averaged over bins of equally many images."""
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == labels
    groups = np.array_split(np.argsort(confidence, kind="stable"), bins)
    gaps = [len(rows) * abs(confidence[rows].mean() - correct[rows].mean()) for rows in groups if len(rows)]
    return float(sum(gaps) / len(labels))


def colour_histograms(images: np.ndarray, levels: int = 4) -> np.ndarray:
    """Fractions of the levels³ colours in each image, (n, levels³), as square roots, which suit linear models."""
    coarse = (images // (256 // levels)).astype(np.int64)  # (n, S, S, 3)
    colours = coarse @ np.array([levels**2, levels, 1])  # (n, S, S)
    counts = [np.bincount(image.ravel(), minlength=levels**3) for image in colours]
    return np.sqrt(np.stack(counts) / colours[0].size)


def fit_linear(features: np.ndarray, labels: np.ndarray, c: float = 0.01):
    """A logistic regression on standardised features (n, d), trained until it converges."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)).fit(features, labels)


@torch.inference_mode()
def compute_features(model, images: np.ndarray, batch: int = 128) -> np.ndarray:
    """The pooled feature maps, which are the inputs of the classifier, (n, C)."""
    accelerator = build_accelerator()
    model = model.to(accelerator.device).eval()
    parts = [ImageDataset(images[start : start + batch], None).images for start in range(0, len(images), batch)]
    return torch.cat([pool(model.features(normalise(p.to(accelerator.device)))).cpu() for p in parts]).numpy()
