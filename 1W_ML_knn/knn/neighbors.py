"""Exact nearest neighbours with one rule for ties: of equally distant rows, the earlier training row comes first.

Libraries leave open which of several equally distant rows they return, and their answer changes with the number of
threads. Here an index (a tree, or all distances by matrix product) only proposes candidates, a few more than needed;
their distances are then computed again, the same way whoever proposed them, and ordered by (distance, row).
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree
from sklearn.neighbors import NearestNeighbors

from coursework.runtime import seconds

# Minkowski's p of each metric.
METRICS = {"manhattan": 1.0, "euclidean": 2.0, "chebyshev": np.inf}
PROBE = 32  # rows that decide between the indexes
BATCH = 2**22  # numbers in the largest temporary array

Index = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def nearest_neighbors(
    train: np.ndarray, test: np.ndarray, k: int, metric: str = "euclidean", algorithm: str | Index = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest training rows of every test row, ordered by distance, then by position in `train`.

    Shapes: train (n, d), test (m, d), both float64; returns distances (m, k) and positions (m, k).
    `algorithm` is "kd_tree", "brute", "auto" for the faster of the two on a few rows, or an index that
    stands already; all give the same answer.
    Raises: ValueError for an unknown metric or algorithm, or for k outside 1 to n.
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; there are: {', '.join(METRICS)}")
    if not 1 <= k <= len(train):
        raise ValueError(f"asked for {k} neighbours of {len(train)} training rows; take 1 to {len(train)}")
    p = METRICS[metric]
    index = build_index(train, test[:PROBE], k, p, algorithm)
    slack = rounding_error(train, test, p)
    if not np.isfinite(slack):
        raise ValueError("features are too large for squared distances in float64; rescale them")
    distances, positions = np.empty((len(test), k)), np.empty((len(test), k), dtype=np.intp)
    pending, width = np.arange(len(test)), k + 2  # rows without an answer; candidates to ask for
    while len(pending):
        width = min(width, len(train))
        unsettled = []
        for rows in batches(pending, width * train.shape[1]):
            proposed, candidates = index(test[rows], width)
            # Only if the last candidate is clearly farther than the k-th, no equally near row can be missing.
            settled = (proposed[:, -1] ** 2 > proposed[:, k - 1] ** 2 + slack) | (width == len(train))
            done = rows[settled]
            distances[done], positions[done] = first_k(train, test[done], candidates[settled], k, p)
            unsettled.append(rows[~settled])
        pending, width = np.concatenate(unsettled), width * 4
    return distances, positions


def first_k(train: np.ndarray, test: np.ndarray, candidates: np.ndarray, k: int, p: float):
    """Of each test row's candidates (m, width) the first k by (distance, position): two arrays (m, k)."""
    distances = np.linalg.norm(train[candidates] - test[:, None], ord=p, axis=2)  # (m, width)
    order = np.lexsort((candidates, distances))[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(candidates, order, axis=1)


def build_index(train: np.ndarray, probe: np.ndarray, k: int, p: float, algorithm: str | Index) -> Index:
    """The index called `algorithm`, or for "auto" the one that answers the probe sooner."""
    builders = {"kd_tree": tree_index, "brute": brute_index}
    if callable(algorithm):
        return algorithm
    if algorithm in builders:
        return builders[algorithm](train, p)
    if algorithm != "auto":
        raise ValueError(f"unknown algorithm {algorithm!r}; there are: auto, {', '.join(builders)}")
    indexes = [build(train, p) for build in builders.values()]
    return min(indexes, key=lambda index: seconds(lambda: index(probe, min(k + 2, len(train)))))


def tree_index(train: np.ndarray, p: float) -> Index:
    """A k-d tree: few distances are computed, as long as few features really matter."""
    tree = KDTree(train)
    return lambda rows, width: tree.query(rows, k=range(1, width + 1), p=p)


def brute_index(train: np.ndarray, p: float) -> Index:
    """All distances; for the euclidean metric by a fast matrix product, which loses some digits."""
    index = NearestNeighbors(algorithm="brute", p=p).fit(train)
    return lambda rows, width: index.kneighbors(rows, width)


def rounding_error(train: np.ndarray, test: np.ndarray, p: float) -> float:
    """A bound on the rounding error of an index's squared distance: |a|² - 2ab + |b|² cancels in the worst case."""
    largest = sum(np.linalg.norm(rows, ord=p, axis=1).max(initial=0) for rows in (train, test))
    return 8 * train.shape[1] * np.finfo(np.float64).eps * largest**2


def batches(rows: np.ndarray, numbers_per_row: int):
    """Split `rows` so that no temporary array exceeds BATCH numbers."""
    size = max(1, BATCH // numbers_per_row)
    return (rows[start : start + size] for start in range(0, len(rows), size))
