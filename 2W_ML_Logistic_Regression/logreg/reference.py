"""The exact minimum, for judging how close gradient descent comes, and a check of the descent by a few such steps."""

import numpy as np
from scipy.optimize import minimize
from sklearn.preprocessing import StandardScaler

from logreg.objective import full_objective, loss_and_residual

ROWS = 1_000  # from which `remaining_gap` learns where the objective falls


def find_optimum(X, targets, alpha: float, l1_ratio: float, gradient: float | None = 1e-8, iterations: int = 20_000):
    """Minimise the objective by L-BFGS-B; returns the weights (K, d), the intercept (K,) and the minimum.

    Stops when no component of the projected gradient exceeds `gradient`, or after `iterations`.
    Shapes: X (n, d), float64, targets (n, 1) or (n, K).
    Raises: RuntimeError if the conditions of a minimum are violated by over 100 times `gradient`; None accepts all.
    Source: Byrd et al. 1995, doi:10.1137/0916069.
    """
    outputs, features = targets.shape[1], X.shape[1]
    value_and_slope, unpack = split_objective(X, targets, alpha, l1_ratio)
    start = np.zeros((2 * features + 1) * outputs)
    options = {"maxiter": iterations, "maxfun": 2 * iterations + 20, "ftol": 0, "gtol": gradient or 0, "maxcor": 20}
    found = minimize(
        value_and_slope, start, jac=True, method="L-BFGS-B", bounds=split_bounds(outputs, features), options=options
    )
    weights, intercept = unpack(found.x)
    if gradient and (steepest := largest_violation(X, targets, weights, intercept, alpha, l1_ratio)) > 100 * gradient:
        raise RuntimeError(f"L-BFGS-B ended with a slope of {steepest:.1e}, expected {gradient:.0e}: {found.message}")
    return weights, intercept, full_objective(X, targets, weights, intercept, alpha, l1_ratio)


def remaining_gap(
    X, targets, weights, intercept, alpha: float, l1_ratio: float, enough: float = np.inf, iterations: int = 20
) -> float:
    """(f - g) / g: how far the objective f at this point lies above the g that L-BFGS-B reaches from here.

    A few iterations suffice, since they see features of mean 0 and of one curvature, penalty included, so that neither
    the scale nor the mean of a feature slows them down. They see ROWS rows at most; f and g are of all. Stops as soon
    as the gap is clearly over `enough`. Shapes: X (n, d), targets (n, K), weights (K, d).
    """
    some = slice(None, None, -(-len(X) // ROWS))
    scaler = StandardScaler().fit(X[some])
    # The loss's curvature in a weight is at most a quarter of its feature's variance. A constant has scale 1.
    mean, scale = scaler.mean_, np.sqrt(scaler.scale_**2 + 4 * alpha * (1 - l1_ratio))
    value_and_slope, unpack = split_objective(X[some], targets[some], alpha, l1_ratio, mean, scale)
    scaled = (weights * scale).ravel().astype(float)
    start = np.concatenate([np.maximum(scaled, 0), np.maximum(-scaled, 0), intercept + weights @ mean])
    at_start, best = value_and_slope(start)[0], start

    def watch(intermediate_result):
        nonlocal best
        best = intermediate_result.x
        if at_start > intermediate_result.fun * (1 + 2 * enough):
            raise StopIteration

    options = {"maxiter": iterations, "ftol": 0, "gtol": 0, "maxcor": 20}
    bounds = split_bounds(*weights.shape)
    minimize(value_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=watch, options=options)
    points = (weights, intercept), unpack(best), unpack(np.zeros_like(start))
    here, *others = (full_objective(X, targets, *point, alpha, l1_ratio) for point in points)
    lowest = min(here, *others)
    if lowest == here:
        return 0.0
    return float(here / lowest - 1) if lowest > 0 else np.inf


def split_bounds(outputs: int, features: int) -> list[tuple]:
    """The bounds of `split_objective`'s point: its two parts of each weight are not negative."""
    return [(0, None)] * (2 * outputs * features) + [(None, None)] * outputs


def split_objective(X, targets, alpha: float, l1_ratio: float, mean=0.0, scale=1.0):
    """The objective and its gradient as a function of one vector, and the function that makes weights of the vector.

    |w| is not differentiable at 0, as quasi-Newton methods require. Written as w = p - n with p, n ≥ 0 it is p + n,
    which is. The vector is (p, n, intercept), of the features (X - mean) / scale; what is minimised is the
    objective of X itself. Shapes: X (n, d), targets (n, K), mean and scale (d,) or numbers.
    """
    outputs, features = targets.shape[1], X.shape[1]
    size = outputs * features

    def unpack(point):
        weights = (point[:size] - point[size : 2 * size]).reshape(outputs, features) / scale
        return weights, point[2 * size :] - (weights * mean).sum(axis=1)

    def value_and_slope(point):
        weights, intercept = unpack(point)
        logits = X @ weights.T.astype(X.dtype, copy=False) + intercept.astype(X.dtype, copy=False)
        loss, residual = loss_and_residual(logits, targets)
        total = residual.sum(axis=0)
        smooth = (residual.T @ X - total[:, None] * mean + alpha * (1 - l1_ratio) * weights) / scale
        positive, negative = point[: 2 * size].reshape(2, outputs, features) / scale
        l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio) / 2
        value = loss + l1 * (positive.sum() + negative.sum()) + l2 * np.vdot(weights, weights)
        return value, np.concatenate([smooth + l1 / scale, l1 / scale - smooth, total], axis=None)

    return value_and_slope, unpack


def largest_violation(X, targets, weights, intercept, alpha: float, l1_ratio: float) -> float:
    """How far a point is from satisfying the conditions of a minimum; 0 exactly there.

    Where w ≠ 0 the slope must vanish; where w = 0 the log-loss's slope must not exceed the L1 penalty's.
    """
    _, residual = loss_and_residual(X @ weights.T + intercept, targets)
    slope = residual.T @ X + alpha * (1 - l1_ratio) * weights
    l1 = alpha * l1_ratio
    wrong = np.where(weights != 0, np.abs(slope + l1 * np.sign(weights)), np.maximum(np.abs(slope) - l1, 0))
    return float(max(wrong.max(), np.abs(residual.sum(axis=0)).max()))
