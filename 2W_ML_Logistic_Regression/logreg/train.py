"""The training loop: mini-batch gradient descent with Nesterov's momentum and a proximal step."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from logreg.objective import duality_gap, full_objective, loss_and_residual, penalty, penalty_subgradient, proximal_step

L1_STEPS = ("proximal", "subgradient")


@dataclass
class OptimizerState:
    """Weights (K, d), intercept (K,), and the look-ahead point at which the next gradient is evaluated."""

    weights: np.ndarray
    intercept: np.ndarray
    lookahead: tuple[np.ndarray, np.ndarray] = field(init=False)

    def __post_init__(self):
        self.lookahead = self.weights, self.intercept


def train_epoch(
    batches: Iterable, state: OptimizerState, lr: float, momentum: float, alpha: float, l1_ratio: float, l1_step: str
) -> list[float]:
    """One epoch: a step for each batch; changes `state`, returns the objective on each batch before its step.

    Shapes: batches yields X (b, d) and targets (b, K).
    The objective is evaluated at the look-ahead point. Source: Beck and Teboulle 2009, doi:10.1137/080716542, whose
    momentum grows from step to step; ours is constant.
    """
    losses = []
    for X, targets in batches:
        weights, intercept = state.lookahead
        loss, residual = loss_and_residual(X @ weights.T + intercept, targets)  # residual (b, K)
        losses.append(loss + penalty(weights, alpha, l1_ratio))
        grad = residual.T @ X  # (K, d)
        if l1_step == "proximal":
            new_weights = proximal_step(weights - lr * grad, lr, alpha, l1_ratio)
        else:
            new_weights = weights - lr * (grad + penalty_subgradient(weights, alpha, l1_ratio))
        new_intercept = intercept - lr * residual.sum(axis=0)  # the bias is not penalised
        state.lookahead = (
            new_weights + momentum * (new_weights - state.weights),
            new_intercept + momentum * (new_intercept - state.intercept),
        )
        state.weights, state.intercept = new_weights, new_intercept
    return losses


@dataclass(frozen=True)
class Schedule:
    """The learning rate is halved when `window` steps improve on the last `window` by less than `tol`.

    `tol` is a fraction of the loss; None keeps the learning rate and all epochs. After `halvings` of them, or after
    `max_epochs`, training ends. Whole epochs are compared, as many as the window needs: a few batches say little.
    """

    learning_rate: float
    max_epochs: int
    tol: float | None
    window: int = 200
    halvings: int = 12


def train(epoch: Callable[[float], list[float]], schedule: Schedule) -> tuple[np.ndarray, bool]:
    """Run `epoch(lr)` until the schedule ends; returns losses, shape (epochs, batches), and whether it converged.

    Raises: ValueError if a loss is not finite; it names epoch, batch and learning rate.
    """
    lr, last, halved = schedule.learning_rate, np.inf, 0
    history, unjudged = [], []
    while len(history) < schedule.max_epochs and halved < schedule.halvings:
        losses = epoch(lr)
        check_finite(losses, len(history), lr)
        history.append(losses)
        unjudged += losses
        if schedule.tol is not None and len(unjudged) >= schedule.window:
            mean = float(np.mean(unjudged))
            if mean > last * (1 - schedule.tol):
                lr, halved = lr / 2, halved + 1
            last, unjudged = mean, []
    return np.array(history), halved == schedule.halvings


def full_batch_step(X, targets, state: OptimizerState, lr: float, alpha: float, l1_ratio: float) -> None:
    """One last proximal step, on all rows at once; changes `state` if that lowers the objective.

    Near the minimum a weight that belongs at zero is lifted by the noise of one batch and pushed back by the next.
    The gradient of all rows has no such noise. A step with the full `lr` moves the other weights little, because their
    gradient is nearly zero, and sets these to exactly zero. If the objective would rise, the learning rate is halved.
    Shapes: X (n, d), targets (n, K).
    """
    weights, intercept = state.weights, state.intercept
    before = full_objective(X, targets, weights, intercept, alpha, l1_ratio)
    _, residual = loss_and_residual(X @ weights.T + intercept, targets)
    grad, grad_intercept = residual.T @ X, residual.sum(axis=0)
    for _ in range(20):
        new_weights = proximal_step(weights - lr * grad, lr, alpha, l1_ratio)
        new_intercept = intercept - lr * grad_intercept
        if full_objective(X, targets, new_weights, new_intercept, alpha, l1_ratio) <= before:
            state.weights, state.intercept = state.lookahead = new_weights, new_intercept
            return
        lr /= 2


def accelerated_steps(X, targets, weights, intercept, lr: float, alpha: float, l1_ratio: float) -> Iterator[tuple]:
    """Proximal steps on all rows whose momentum grows; yields (weights, intercept, objective) after each, for ever.

    `lr` doubles until a step is too long for the quadratic bound on the log-loss; from then on it is halved where it
    has to be, and grows by 5 % a step. The momentum starts again when it points uphill.
    Shapes: X (n, d), targets (n, K), weights (K, d), intercept (K,).
    Sources: Beck and Teboulle 2009, doi:10.1137/080716542; O'Donoghue and Candès 2015, doi:10.1007/s10208-013-9150-3.
    """
    lookahead, growth, t = (weights, intercept), 2.0, 1.0
    while True:
        loss, residual = loss_and_residual(X @ lookahead[0].T + lookahead[1], targets)
        grad, grad_intercept = residual.T @ X, residual.sum(axis=0)
        while True:
            new_weights = proximal_step(lookahead[0] - lr * grad, lr, alpha, l1_ratio)
            new_intercept = lookahead[1] - lr * grad_intercept
            step, step_intercept = new_weights - lookahead[0], new_intercept - lookahead[1]
            new_loss, _ = loss_and_residual(X @ new_weights.T + new_intercept, targets)
            slope = np.vdot(grad, step) + grad_intercept @ step_intercept
            length = np.vdot(step, step) + step_intercept @ step_intercept
            rounding = 10 * np.finfo(X.dtype).eps * abs(loss)
            if new_loss <= loss + slope + length / (2 * lr) + rounding:
                break
            lr, growth = lr / 2, 1.05
        uphill = np.vdot(step, new_weights - weights) + step_intercept @ (new_intercept - intercept) < 0
        next_t = (1 + np.sqrt(1 + 4 * t**2)) / 2
        momentum, t = (0.0, 1.0) if uphill else (float((t - 1) / next_t), float(next_t))
        lookahead = (
            new_weights + momentum * (new_weights - weights),
            new_intercept + momentum * (new_intercept - intercept),
        )
        weights, intercept, lr = new_weights, new_intercept, lr * growth
        yield weights, intercept, float(new_loss + penalty(weights, alpha, l1_ratio))


def refine(
    X, targets, state: OptimizerState, lr: float, alpha: float, l1_ratio: float, tol: float, most: int = 1000
) -> bool:
    """Continue on all rows where mini-batches ended too early; changes `state`, returns whether the end was reached.

    With a small penalty, two hundred mini-batch steps may gain less than `tol` of the loss far from the minimum. So
    accelerated steps follow, `most` at most, until the duality gap is at most ten times `tol`. This gap is a bound;
    the distance to the minimum is usually much smaller. Shapes: X (n, d), targets (n, K).
    """
    steps = accelerated_steps(X, targets, state.weights, state.intercept, lr, alpha, l1_ratio)
    for number in range(most + 1):
        if number % 20 == 0:
            gap, objective = duality_gap(X, targets, state.weights, state.intercept, alpha, l1_ratio)
            if gap <= 10 * tol * objective:
                return True
        state.weights, state.intercept, _ = next(steps)
        state.lookahead = state.weights, state.intercept
    return False


def check_finite(losses: list[float], epoch: int, lr: float) -> None:
    """Raise ValueError if a loss is infinite or not a number; names epoch, batch and learning rate."""
    finite = np.isfinite(losses)
    if not finite.all():
        place = int(np.argmin(finite))
        advice = "lower the learning rate, or scale the features"
        raise ValueError(
            f"the loss is {losses[place]} in epoch {epoch}, batch {place}, at learning rate {lr:g}; {advice}"
        )
