"""1W: the grid search that asks for neighbours once, against GridSearchCV."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.cases import Case
from benchmarks.rivals import knn_gridsearchcv
from knn.config import CONFIGS
from knn.data import load_covertype
from knn.search import KNeighborsGridSearchCV

GRID = {"n_neighbors": range(1, 11), "weights": ["uniform", "distance"], "metric": ["manhattan", "euclidean"]}
SETTING = "10,000 × 54 Covertype rows, float64, C order, 40 candidates, 5 folds"


def build_cases() -> list[Case]:
    """Our search as it is against GridSearchCV as it is; then without our tree; then with their tree."""
    data = load_covertype(CONFIGS["sample"])
    features, labels = np.ascontiguousarray(data.features), data.labels.to_numpy()

    def ours(algorithm="auto"):
        return KNeighborsGridSearchCV(KNeighborsClassifier(algorithm=algorithm), GRID, cv=5, n_jobs=1).fit(
            features, labels
        )

    def theirs(algorithm="auto"):
        return knn_gridsearchcv.search(features, labels, GRID, algorithm)

    def agree(our_search, their_search):
        return our_search.best_params_ == their_search.best_params_

    return [
        Case("knn_grid_vs_gridsearchcv", "both with defaults", SETTING, 10, ours, theirs, agree),
        Case(
            "knn_grid_brute_vs_gridsearchcv", "ours without a tree", SETTING, None, lambda: ours("brute"), theirs, agree
        ),
        Case(
            "knn_grid_vs_gridsearchcv_kd_tree",
            "both with a k-d tree",
            SETTING,
            None,
            ours,
            lambda: theirs("kd_tree"),
            agree,
        ),
    ]
