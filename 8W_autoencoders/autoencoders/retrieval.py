"""Retrieval: images of the same person among the nearest neighbours, for several kinds of features."""

import numpy as np
import pandas as pd


class Whitening:
    """Features (n, d) rotated and scaled such that those it is fitted to are uncorrelated with variance 1.

    `keep` is the number of principal components that remain. The results have length 1, so nearness is an angle.
    """

    def __init__(self, features: np.ndarray, keep: int):
        self.mean = features.mean(axis=0)
        _, lengths, axes = np.linalg.svd(features - self.mean, full_matrices=False)
        std = lengths[:keep] / len(features) ** 0.5
        self.axes = axes[:keep] / np.maximum(std, 1e-6)[:, None]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        whitened = (features - self.mean) @ self.axes.T
        return whitened / np.linalg.norm(whitened, axis=1, keepdims=True)


def unit_length(features: np.ndarray) -> np.ndarray:
    """Features (n, d), each scaled to length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def rank(index: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The rows of the index (n, d), sorted by Euclidean distance from each of the queries (m, d): (m, n)."""
    squares = (queries**2).sum(axis=1)[:, None] - 2 * queries @ index.T + (index**2).sum(axis=1)
    return np.argsort(squares, axis=1, kind="stable")


def evaluate_retrieval(features: np.ndarray, people: np.ndarray) -> pd.DataFrame:
    """Precision at 1 and 5 and average precision for each image of a person with another image, indexed by its row.

    features (n, d), people (n,). The query itself is not in the ranking. With one other image of the person, the
    precision at 5 is at most 0.2.
    """
    _, people = np.unique(people, return_inverse=True)
    order = rank(features, features)
    order = order[order != np.arange(len(order))[:, None]].reshape(len(order), -1)  # without the query
    same = people[order] == people[:, None]
    rows = np.flatnonzero(same.any(axis=1))
    hits = same[rows]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    columns = {"precision at 1": hits[:, 0].astype(float), "precision at 5": hits[:, :5].mean(axis=1)}
    columns["average precision"] = (precision * hits).sum(axis=1) / hits.sum(axis=1)
    return pd.DataFrame(columns, index=rows)


def people_interval(values: np.ndarray, people: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean; people are resampled, as their images are alike. NaN is left out."""
    known = ~np.isnan(values)
    _, who = np.unique(people[known], return_inverse=True)
    sums, counts = np.bincount(who, values[known]), np.bincount(who)
    drawn = np.random.default_rng(seed).integers(len(counts), size=(resamples, len(counts)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
