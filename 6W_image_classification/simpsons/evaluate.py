"""How good it is: predictions of all processes together, scores from one table of counts, intervals, features."""

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from simpsons.augment import PictureSet, to_network
from simpsons.data import Pictures


@torch.no_grad()  # not inference_mode, which several processes do not survive
def predict(
    model, pictures: Pictures, accelerator=None, batch: int = 64, mirrored: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, classes) and labels (n,), in the order of `pictures`, each once however many processes share them.

    `mirrored` shows every picture a second time, as in a mirror, and takes the mean of both.
    """
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(PictureSet(pictures.images, pictures.labels), batch))
    model = model.to(accelerator.device).eval()
    logits, labels = [], []
    for images, targets in loader:
        shown = to_network(images)
        found = model(shown).float()
        if mirrored:
            found = (found + model(shown.flip(3)).float()) / 2
        gathered = accelerator.gather_for_metrics((found, targets))
        logits.append(gathered[0].cpu())
        labels.append(gathered[1].cpu())
    return torch.cat(logits).numpy(), torch.cat(labels).numpy()


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): rows are what is true, columns what was said. Counts of parts may be added."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def class_f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class, (classes,), from counts or shares; NaN for a class that is neither there nor said.

    It is 2 · hits / (said + true).
    """
    total = counts.sum(axis=0) + counts.sum(axis=1)
    return np.divide(2 * np.diag(counts), total, out=np.full(len(counts), np.nan), where=total > 0)


def scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, which is micro-F1, too, if a picture has one label; macro-F1 over the classes that occur or are said.

    Raises: ValueError for pictures without labels.
    """
    if len(labels) and labels.min() < 0:
        raise ValueError("these pictures have no labels, so there is nothing to compare with; see data.set_aside")
    counts = confusion(labels, logits.argmax(axis=1), logits.shape[1])
    return {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "macro_f1": float(np.nanmean(class_f1(counts))),
    }


def even_f1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Macro-F1 as if all classes that occur had equally many pictures.

    Where one class has a single picture and another a hundred, plain F1 punishes the rare for each false alarm among
    the many; here, a share of the many counts like the same share of the rare.
    """
    counts = confusion(labels, logits.argmax(axis=1), logits.shape[1])
    there = counts.sum(axis=1) > 0
    return float(class_f1(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[there].mean())


def bootstrap(logits: np.ndarray, labels: np.ndarray, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    """95 % intervals of `scores`, from drawing the pictures again, within each class."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        drawn.append(scores(logits[rows], labels[rows]))
    return {name: tuple(float(v) for v in np.quantile([d[name] for d in drawn], [0.025, 0.975])) for name in drawn[0]}


def histograms(images: np.ndarray, levels: int = 4) -> np.ndarray:
    """Shares of the levels³ colours in each picture, (n, levels³), as square roots, which suit a linear model."""
    coarse = (images // (256 // levels)).astype(np.int64)  # (n, S, S, 3)
    colours = coarse @ np.array([levels**2, levels, 1])  # (n, S, S)
    counts = [np.bincount(picture.ravel(), minlength=levels**3) for picture in colours]
    return np.sqrt(np.stack(counts) / colours[0].size)


def probe(train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Accuracy of a logistic regression on features (n, d): how easily they tell the classes apart."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300, tol=1e-3))
    return float(model.fit(train, labels).score(test, test_labels))


@torch.inference_mode()
def features(model, images: np.ndarray, batch: int = 128) -> np.ndarray:
    """The features of pictures, (n, C)."""
    accelerator = build_accelerator()
    model = model.to(accelerator.device).eval()
    parts = [PictureSet(images[start : start + batch], None).images for start in range(0, len(images), batch)]
    return torch.cat([model.embed(to_network(part.to(accelerator.device))).cpu() for part in parts]).numpy()


def carry_over(trunks: dict, gallery, numbers: tuple[int, ...], side: int, seed: int) -> pd.DataFrame:
    """Accuracy of a linear probe on the features of each trunk, learnt from some pictures a class (0: from all).

    Few pictures are drawn five times, and the accuracies averaged. The trunks see the pictures `side` pixels wide.
    """
    table = {}
    for name, model in trunks.items():
        model.upscaled, before = side, model.upscaled
        train, test = features(model, gallery.train.images), features(model, gallery.test.images)
        model.upscaled = before
        column = {}
        for number in numbers:
            picks = [pick(gallery.train.labels, number, seed + k) for k in range(5 if number else 1)]
            found = [probe(train[rows], gallery.train.labels[rows], test, gallery.test.labels) for rows in picks]
            column[number or "all"] = float(np.mean(found))
        table[name] = column
    return pd.DataFrame(table)


def pick(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Rows of `number` pictures of each class, or of all there are; 0 takes all."""
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(np.flatnonzero(labels == k)) for k in np.unique(labels)]
    return np.concatenate([group[:number] if number else group for group in groups])
