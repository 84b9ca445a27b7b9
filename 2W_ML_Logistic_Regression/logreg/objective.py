"""What logistic regression minimises: the mean log-loss, and an elastic-net penalty on the weights.

Two classes need one score a row, K classes K of them; `logits` has shape (n, 1) or (n, K) accordingly, `targets` the
same shape: 0 or 1 for two classes, one 1 a row for K.
"""

import numpy as np
from scipy.special import entr, expit


def loss_and_residual(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean log-loss, and its gradient with respect to the logits: (predicted probability - target) / n.

    Shapes: logits and targets (n, 1) or (n, K); the residual has the same. Nothing overflows, however large a logit.
    """
    n = len(logits)
    if logits.shape[1] == 1:
        loss = (np.logaddexp(0, logits).sum() - np.vdot(logits, targets)) / n
        return loss, (expit(logits) - targets) / n
    shifted = logits - logits.max(
        axis=1, keepdims=True
    )  # softmax is invariant to this shift; it prevents overflow in exp
    exponentials = np.exp(shifted)  # (n, K), at most 1
    sums = exponentials.sum(axis=1, keepdims=True)  # (n, 1), at least 1
    loss = (np.log(sums).sum() - np.vdot(shifted, targets)) / n
    return loss, (exponentials / sums - targets) / n


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Class probabilities, shape (n, 2) from (n, 1) logits, or (n, K) from (n, K); each row sums to 1."""
    if logits.shape[1] == 1:
        return np.hstack([expit(-logits), expit(logits)])
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def penalty(weights: np.ndarray, alpha: float, l1_ratio: float) -> float:
    """alpha · (l1_ratio · Σ|w| + (1 - l1_ratio) / 2 · Σw²); the bias is not among the weights.

    Source: Zou and Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x, in scikit-learn's scaling.
    """
    return alpha * (l1_ratio * np.abs(weights).sum() + (1 - l1_ratio) / 2 * np.vdot(weights, weights))


def penalty_subgradient(weights: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    """A subgradient of `penalty`: the derivative, and 0 where |w| has a kink. Same shape as the weights."""
    return alpha * (l1_ratio * np.sign(weights) + (1 - l1_ratio) * weights)


def proximal_step(weights: np.ndarray, lr: float, alpha: float, l1_ratio: float) -> np.ndarray:
    """The minimum over u of |u - w|² / 2 + lr · penalty(u): shrink towards zero, and stop there.

    L1 subtracts lr · alpha · l1_ratio from every |w| and sets smaller ones to exactly 0; L2 divides the rest.
    Source: Parikh and Boyd 2014, Proximal Algorithms, section 6.5.
    """
    threshold = lr * alpha * l1_ratio
    cut = weights - np.minimum(np.maximum(weights, -threshold), threshold)
    return cut / (1 + lr * alpha * (1 - l1_ratio))


def full_objective(X, targets, weights, intercept, alpha: float, l1_ratio: float) -> float:
    """Log-loss over all rows plus penalty. Shapes: X (n, d), weights (K, d), intercept (K,); K = 1 for two classes."""
    loss, _ = loss_and_residual(X @ weights.T + intercept, targets)
    return float(loss + penalty(weights, alpha, l1_ratio))


def duality_gap(X, targets, weights, intercept, alpha: float, l1_ratio: float) -> tuple[float, float]:
    """A bound on how far the objective lies above its minimum, and the objective, both with the best intercept.

    The minimum is at least the dual objective of any dual point: here of the residuals, shrunk by a factor s so that
    no gradient exceeds the L1 penalty, or, if there is an L2 penalty too, not shrunk.
    Shapes: X (n, d), targets (n, K), weights (K, d), intercept (K,).
    Source: Koh, Kim and Boyd 2007, An interior-point method for large-scale l1-regularized logistic regression, 3.
    """
    logits = best_intercept(X @ weights.T + intercept, targets)
    loss, residual = loss_and_residual(logits, targets)
    gradient = np.abs(residual.T @ X)
    l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
    duals = [dual_entropy(targets, residual, min(1.0, l1 / max(gradient.max(), np.finfo(X.dtype).tiny)))]
    if l2 > 0:
        excess = (gradient - l1).clip(min=0)
        duals.append(dual_entropy(targets, residual, 1.0) - float(np.vdot(excess, excess)) / (2 * l2))
    objective = float(loss + penalty(weights, alpha, l1_ratio))
    return objective - max(duals), objective


def dual_entropy(targets, residual, s: float) -> float:
    """Mean entropy of probabilities that lie the fraction `s` of the way from the labels to the predicted ones."""
    probs = (targets + s * len(targets) * residual).clip(0, 1)
    return float(entr(probs).sum() + (entr(1 - probs).sum() if targets.shape[1] == 1 else 0)) / len(targets)


def best_intercept(logits, targets, steps: int = 20) -> np.ndarray:
    """`logits` shifted by the intercept that minimises their log-loss, by Newton's method. Shapes (n, K)."""
    for _ in range(steps):
        probs = probabilities(logits)[:, -logits.shape[1] :]
        grad = (probs - targets).mean(axis=0)
        if np.abs(grad).max() < 1e3 * np.finfo(logits.dtype).eps:
            break
        hessian = np.diag(probs.mean(axis=0)) - probs.T @ probs / len(probs)
        logits = logits - np.linalg.lstsq(hessian, grad, rcond=1e-10)[0]
    return logits
