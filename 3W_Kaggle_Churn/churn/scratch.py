"""Gradient boosting from scratch, as the notebook's cells teach it."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import DecisionTreeRegressor


class GradientBoosting(ClassifierMixin, BaseEstimator):
    """Gradient boosting for log loss: a sum of small regression trees, each fitted to the errors of the sum so far.

    `depth` 1 makes stumps, trees with one split. Shapes: X (n, d), y (n,) of 0 and 1.
    Source: Friedman, Hastie and Tibshirani 2000 (LogitBoost), doi:10.1214/aos/1016218223.
    """

    def __init__(self, rounds=100, lr=0.1, depth=1):
        self.rounds, self.lr, self.depth = rounds, lr, depth

    def fit(self, X, y):
        """Add `rounds` trees, one after the other."""
        y = np.asarray(y)
        self.classes_, self.trees_ = np.unique(y), []
        self.start_ = np.log(y.mean() / (1 - y.mean()))  # log-odds of the overall churn rate
        scores = np.full(len(y), self.start_)
        for _ in range(self.rounds):
            probs = 1 / (1 + np.exp(-scores))
            residuals = y - probs  # minus the gradient of the log loss with respect to the scores
            curvature = probs * (1 - probs)  # its second derivative
            tree = DecisionTreeRegressor(max_depth=self.depth, random_state=0)
            tree.fit(X, residuals / curvature, curvature)  # a leaf becomes sum(residuals) / sum(curvature)
            scores += self.lr * tree.predict(X)
            self.trees_.append(tree)
        return self

    def decision_function(self, X, rounds=None):
        """Log-odds (n,) after the first `rounds` trees, by default all."""
        return self.start_ + self.lr * sum((tree.predict(X) for tree in self.trees_[:rounds]), np.zeros(len(X)))

    def predict_proba(self, X, rounds=None):
        """Probabilities of both classes (n, 2) after the first `rounds` trees, by default all."""
        probs = 1 / (1 + np.exp(-self.decision_function(X, rounds)))
        return np.column_stack([1 - probs, probs])
