"""1W: the grid search of 40 candidates in 5 folds, against the number of rows."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from knn.config import CONFIGS
from knn.data import load_covertype
from knn.search import KNeighborsGridSearchCV

TITLE, SIZES = "1W grid search, rows", (1250, 2500, 5000, 10_000)
GRID = {"n_neighbors": range(1, 11), "weights": ["uniform", "distance"], "metric": ["manhattan", "euclidean"]}


def prepare(n: int):
    """What is timed, for so many rows."""
    data = load_covertype(CONFIGS["sample"])
    features, labels = np.ascontiguousarray(data.features)[:n], data.labels.to_numpy()[:n]
    return lambda: KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5, n_jobs=1).fit(features, labels)
