"""The exact minimum, for judging how close gradient descent comes."""

import numpy as np
from scipy.optimize import minimize

from logreg.objective import full_objective, loss_and_residual


def find_optimum(X, targets, alpha: float, l1_ratio: float, gradient: float | None = 1e-8, iterations: int = 20_000):
    """Minimise the objective by L-BFGS-B; returns the weights (K, d), the intercept (K,) and the minimum.

    |w| has a kink at 0, which a quasi-Newton method does not like. Written as w = p - n with p, n ≥ 0 it is p + n,
    which has none. Stops when no component of the projected gradient exceeds `gradient`, or after `iterations`.
    Shapes: X (n, d), float64, targets (n, 1) or (n, K).
    Raises: RuntimeError if the conditions of a minimum are violated by over 100 times `gradient`; None accepts all.
    Source: Byrd et al. 1995, doi:10.1137/0916069.
    """
    outputs, features = targets.shape[1], X.shape[1]
    size = outputs * features

    def unpack(point):
        positive, negative = point[:size], point[size : 2 * size]
        return positive, negative, (positive - negative).reshape(outputs, features), point[2 * size :]

    def value_and_slope(point):
        positive, negative, weights, intercept = unpack(point)
        loss, residual = loss_and_residual(X @ weights.T + intercept, targets)
        smooth = (residual.T @ X + alpha * (1 - l1_ratio) * weights).ravel()
        l1 = alpha * l1_ratio
        value = loss + l1 * (positive.sum() + negative.sum()) + alpha * (1 - l1_ratio) / 2 * np.vdot(weights, weights)
        return value, np.concatenate([smooth + l1, l1 - smooth, residual.sum(axis=0)])

    bounds = [(0, None)] * (2 * size) + [(None, None)] * outputs
    options = {"maxiter": iterations, "maxfun": 2 * iterations + 20, "ftol": 0, "gtol": gradient or 0, "maxcor": 20}
    found = minimize(
        value_and_slope, np.zeros(2 * size + outputs), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    _, _, weights, intercept = unpack(found.x)
    if gradient and (steepest := largest_violation(X, targets, weights, intercept, alpha, l1_ratio)) > 100 * gradient:
        raise RuntimeError(f"L-BFGS-B ended with a slope of {steepest:.1e}, expected {gradient:.0e}: {found.message}")
    return weights, intercept, full_objective(X, targets, weights, intercept, alpha, l1_ratio)


def largest_violation(X, targets, weights, intercept, alpha: float, l1_ratio: float) -> float:
    """How far a point is from satisfying the conditions of a minimum; 0 exactly there.

    Where w ≠ 0 the slope must vanish; where w = 0 the log-loss's slope must not exceed the L1 penalty's.
    """
    _, residual = loss_and_residual(X @ weights.T + intercept, targets)
    slope = residual.T @ X + alpha * (1 - l1_ratio) * weights
    l1 = alpha * l1_ratio
    wrong = np.where(weights != 0, np.abs(slope + l1 * np.sign(weights)), np.maximum(np.abs(slope) - l1, 0))
    return float(max(wrong.max(), np.abs(residual.sum(axis=0)).max()))
