"""A working set: training on the features that matter, where an L1 penalty sets most weights to zero anyway."""

from math import ceil

import numpy as np

from logreg.objective import full_objective, loss_and_residual


def largest_gradients(X, targets, fraction: float) -> np.ndarray:
    """Indices, in ascending order, of the `fraction` of features with the largest gradients at weights of zero.

    A feature whose gradient is exactly zero, such as a pixel that is always black, is never among them.
    Shapes: X (n, d), targets (n, K).
    """
    # the gradient with the best intercept, so that the mean of a feature plays no role
    gradient = np.abs((targets.mean(axis=0) - targets).T @ X).max(axis=0)  # (d,)
    largest = np.argsort(-gradient, kind="stable")[: ceil(fraction * len(gradient))]
    return np.sort(largest[gradient[largest] > 0])


def missing_features(X, targets, weights, intercept, inside, alpha: float, l1_ratio: float, tol: float) -> np.ndarray:
    """The features outside the working set that would leave zero; none if they promise too little.

    At the minimum, the gradient of the log-loss in a weight of zero is at most the L1 penalty, alpha · l1_ratio. Where
    it is larger, a step in this weight alone would lower the objective by at least excess² / (2 · curvature), and the
    curvature of the log-loss is at most a quarter of the feature's mean square (half of it for the softmax). If all
    of these sum to less than `tol` times the objective, the working set is large enough.
    Shapes: X (n, d), targets (n, K), weights (K, d), intercept (K,), inside (k,), indices.
    """
    _, residual = loss_and_residual(X[:, inside] @ weights[:, inside].T + intercept, targets)
    excess = (np.abs(residual.T @ X) - alpha * l1_ratio).clip(min=0)  # (K, d)
    excess[:, inside] = 0
    outside = np.flatnonzero(excess.any(axis=0))
    bound = 0.25 if targets.shape[1] == 1 else 0.5
    curvature = bound * np.square(X[:, outside]).mean(axis=0) + alpha * (1 - l1_ratio)
    gain = (np.square(excess[:, outside]) / (2 * curvature)).sum()
    return outside if gain > tol * full_objective(X, targets, weights, intercept, alpha, l1_ratio) else outside[:0]
