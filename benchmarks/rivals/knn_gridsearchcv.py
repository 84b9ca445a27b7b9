"""The homework's grid as everybody writes it: scikit-learn's GridSearchCV over KNeighborsClassifier."""

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier


def search(features: np.ndarray, labels: np.ndarray, grid: dict, algorithm: str = "auto") -> GridSearchCV:
    """The fitted search; `algorithm` lets scikit-learn use its own k-d tree, which "auto" does not at 54 features."""
    return GridSearchCV(KNeighborsClassifier(algorithm=algorithm), grid, cv=5, n_jobs=1).fit(features, labels)
