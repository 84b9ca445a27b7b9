"""k nearest neighbours from scratch: all distances, the nearest rows, a vote."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


def manhattan(differences: np.ndarray) -> np.ndarray:
    """Sum of absolute differences: (n, d) to (n,)."""
    return np.abs(differences).sum(axis=1)


def euclidean(differences: np.ndarray) -> np.ndarray:
    """Square root of the sum of squared differences: (n, d) to (n,)."""
    return np.sqrt((differences**2).sum(axis=1))


class KNN(ClassifierMixin, BaseEstimator):
    """k nearest neighbours; `weights` is "uniform" (one vote each) or "distance" (votes of 1 / distance)."""

    def __init__(self, n_neighbors=5, weights="uniform", metric=euclidean):
        self.n_neighbors, self.weights, self.metric = n_neighbors, weights, metric

    def fit(self, X, y):
        self.X_ = X
        self.classes_, self.y_ = np.unique(y, return_inverse=True)  # y_: each label as a number from 0
        return self

    def predict_proba(self, X):
        return np.array([self.vote(self.metric(self.X_ - x)) for x in X])  # X_ - x: from each training row

    def vote(self, distances):
        nearest = np.argsort(distances, kind="stable")[: self.n_neighbors]
        votes = np.ones(len(nearest))
        if self.weights == "distance":
            votes = 1 / np.maximum(distances[nearest], 1e-12)  # an identical row outvotes all others
        counts = np.bincount(self.y_[nearest], votes, minlength=len(self.classes_))  # votes of each class
        return counts / counts.sum()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
