"""1W: the grid search of 40 candidates in 5 folds, against the number of rows."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from knn.config import CONFIGS
from knn.data import MEASURED, load_covertype
from knn.search import KNeighborsGridSearchCV

TITLE, SIZES = "1W grid search, rows", (1250, 2500, 5000, 10_000)
GRID = {"n_neighbors": range(1, 11), "weights": ["uniform", "distance"], "metric": ["manhattan", "euclidean"]}


def prepare(n: int):
    """What is timed, for so many rows; above 10,000 they are enlarged, see `enlarge`."""
    data = load_covertype(CONFIGS["sample"])
    features, labels = np.ascontiguousarray(data.features), data.labels.to_numpy()
    features, labels = (features[:n], labels[:n]) if n <= len(labels) else enlarge(features, labels, n)
    return lambda: KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5, n_jobs=1).fit(features, labels)


def enlarge(features: np.ndarray, labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` rows: those given, then rows drawn with replacement whose measured features are moved at random.

    Each measured feature gets normal noise of a tenth of its standard deviation, so that no row occurs twice. The
    result is for timing only: its accuracy says nothing of Covertype.
    """
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(labels), n - len(labels))
    measured = slice(0, len(MEASURED))
    more = features[rows]
    more[:, measured] += rng.normal(size=(len(rows), len(MEASURED))) * features[:, measured].std(axis=0) / 10
    return np.vstack([features, more]), np.hstack([labels, labels[rows]])
