"""Logistic regression with an elastic net by skglm's proximal Newton method with working sets."""

import numpy as np
from skglm.datafits import Logistic
from skglm.penalties import L1_plus_L2
from skglm.solvers import ProxNewton


class SkglmLogisticRegression:
    """`iterations` outer steps of ProxNewton; `X` is copied into column order unless it already is.

    Source: Bertrand et al. 2022, arXiv:2204.07826.
    """

    def __init__(self, alpha: float, l1_ratio: float, iterations: int):
        self.alpha, self.l1_ratio, self.iterations = alpha, l1_ratio, iterations

    def fit(self, X: np.ndarray, y: np.ndarray):
        """Learn from X (n, d), labels y (n,) of 0 and 1; sets `coef_` (1, d) and `intercept_` (1,)."""
        solver = ProxNewton(max_iter=self.iterations, tol=1e-12, fit_intercept=True)
        datafit, penalty = Logistic(), L1_plus_L2(self.alpha, self.l1_ratio)
        weights, _, _ = solver.solve(np.asfortranarray(X), np.where(y == 1, 1.0, -1.0), datafit, penalty)
        self.coef_, self.intercept_ = weights[None, :-1], weights[-1:]
        return self
