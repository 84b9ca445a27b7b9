"""The training loop: mini-batch gradient descent with Nesterov's momentum and a proximal step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from logreg.objective import full_objective, loss_and_residual, penalty, penalty_subgradient, proximal_step

L1_STEPS = ("proximal", "subgradient")


@dataclass
class Progress:
    """Where the descent stands: weights (K, d) and intercept (K,), and the point ahead at which we look downhill."""

    weights: np.ndarray
    intercept: np.ndarray
    ahead: tuple[np.ndarray, np.ndarray] = field(init=False)

    def __post_init__(self):
        self.ahead = self.weights, self.intercept


def train_epoch(
    batches: Iterable, progress: Progress, rate: float, momentum: float, alpha: float, l1_ratio: float, l1_step: str
) -> list[float]:
    """One epoch: a step for each batch; changes `progress`, returns the objective on each batch before its step.

    Shapes: batches yields X (b, d) and targets (b, K).
    The objective is taken at the point ahead. Source: Beck and Teboulle 2009, doi:10.1137/080716542, whose momentum
    grows from step to step; ours is constant.
    """
    losses = []
    for X, targets in batches:
        weights, intercept = progress.ahead
        loss, residual = loss_and_residual(X @ weights.T + intercept, targets)  # residual (b, K)
        losses.append(loss + penalty(weights, alpha, l1_ratio))
        slope = residual.T @ X  # (K, d)
        if l1_step == "proximal":
            stepped = proximal_step(weights - rate * slope, rate, alpha, l1_ratio)
        else:
            stepped = weights - rate * (slope + penalty_subgradient(weights, alpha, l1_ratio))
        moved = intercept - rate * residual.sum(axis=0)  # the bias is not penalised
        progress.ahead = (
            stepped + momentum * (stepped - progress.weights),
            moved + momentum * (moved - progress.intercept),
        )
        progress.weights, progress.intercept = stepped, moved
    return losses


@dataclass(frozen=True)
class Schedule:
    """The rate stays while it helps: when `window` steps improve on the last `window` by less than `tol`, it halves.

    `tol` is a share of the loss; None keeps the rate and all epochs. After `halvings` of them, or after `max_epochs`,
    training ends. Steps are judged in whole epochs, as many as the window needs: a few batches say little.
    """

    learning_rate: float
    max_epochs: int
    tol: float | None
    window: int = 200
    halvings: int = 12


def train(epoch: Callable[[float], list[float]], schedule: Schedule) -> tuple[np.ndarray, bool]:
    """Run `epoch(rate)` until the schedule ends; returns losses, shape (epochs, batches), and whether it converged.

    Raises: ValueError if a loss is not finite; it names epoch, batch and rate.
    """
    rate, last, halved = schedule.learning_rate, np.inf, 0
    history, unjudged = [], []
    while len(history) < schedule.max_epochs and halved < schedule.halvings:
        losses = epoch(rate)
        check_finite(losses, len(history), rate)
        history.append(losses)
        unjudged += losses
        if schedule.tol is not None and len(unjudged) >= schedule.window:
            mean = float(np.mean(unjudged))
            if mean > last * (1 - schedule.tol):
                rate, halved = rate / 2, halved + 1
            last, unjudged = mean, []
    return np.array(history), halved == schedule.halvings


def settle(X, targets, progress: Progress, rate: float, alpha: float, l1_ratio: float) -> None:
    """One last proximal step, on all rows at once; changes `progress` if that lowers the objective.

    Near the minimum a weight that belongs at zero is lifted by the noise of one batch and pushed back by the next.
    All rows together have no noise. A step of the full `rate` moves the other weights little, for their slope is
    nearly zero, and these back to exactly zero. If the objective would rise, the rate is halved.
    Shapes: X (n, d), targets (n, K).
    """
    weights, intercept = progress.weights, progress.intercept
    before = full_objective(X, targets, weights, intercept, alpha, l1_ratio)
    _, residual = loss_and_residual(X @ weights.T + intercept, targets)
    slope, bias_slope = residual.T @ X, residual.sum(axis=0)
    for _ in range(20):
        stepped = proximal_step(weights - rate * slope, rate, alpha, l1_ratio)
        moved = intercept - rate * bias_slope
        if full_objective(X, targets, stepped, moved, alpha, l1_ratio) <= before:
            progress.weights, progress.intercept = progress.ahead = stepped, moved
            return
        rate /= 2


def check_finite(losses: list[float], epoch: int, rate: float) -> None:
    """Raise ValueError if a loss is infinite or not a number; names epoch, batch and rate."""
    finite = np.isfinite(losses)
    if not finite.all():
        place = int(np.argmin(finite))
        advice = "lower the learning rate, or scale the features"
        raise ValueError(f"the loss is {losses[place]} in epoch {epoch}, batch {place}, at rate {rate:g}; {advice}")
