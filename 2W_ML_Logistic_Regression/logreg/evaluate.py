"""What week 2 measures: accuracies, the distance from the optimum, zeros among weights, and the wrong digits."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import sklearn
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier

from coursework.runtime import seconds
from logreg.batches import ShuffledOnce, refill_batches
from logreg.data import SIDE
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum
from logreg.train import L1_STEPS, OptimizerState, full_batch_step, train_epoch


def accuracy_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of an accuracy, Wilson's. Raises ValueError if total is 0 or correct is not within it."""
    interval = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


def relative_gap(model, X, y, alpha: float, l1_ratio: float, optimum: float) -> float:
    """(f - f*) / f*: how far the objective of a fitted two-class model lies above the optimum.

    Shapes: X (n, d), y (n,) of 0 and 1. Takes any estimator with coef_ and intercept_.
    """
    value = full_objective(X, y[:, None], np.atleast_2d(model.coef_), model.intercept_, alpha, l1_ratio)
    return value / optimum - 1


def watch_gap(
    model: SGDLogisticRegression, X, y, optimum: float
) -> tuple[pd.DataFrame, SGDLogisticRegression, tuple[np.ndarray, np.ndarray]]:
    """Train `model` on two classes and watch: the relative gap, and weights that are exactly 0, after each epoch.

    Shapes: X (n, d), y (n,) of 0 and 1. Returns the columns gap and zeros, indexed by epoch from 1, with one more row
    for the step on all rows where there is one; the trained model; and weights and intercept after the last epoch.
    """
    penalties, rows = (model.alpha, model.l1_ratio), []

    def measure(weights, intercept):
        value = full_objective(X, y[:, None], weights, intercept, *penalties)
        rows.append({"gap": value / optimum - 1, "zeros": int((weights == 0).sum())})

    class Watched(SGDLogisticRegression):
        def _epoch(self, batches, state, lr):
            losses = super()._epoch(batches, state, lr)
            measure(state.weights, state.intercept)
            last[:] = state.weights, state.intercept
            return losses

    last = []
    trained = Watched(**model.get_params()).fit(X, y)
    if not np.array_equal(trained.coef_, last[0]):  # it has ended with the step on all rows
        measure(trained.coef_, trained.intercept_)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="epoch")), trained, tuple(last)


def compare_l1_steps(model: SGDLogisticRegression, X, y, best_weights, optimum: float, seeds: int) -> pd.DataFrame:
    """Train with the proximal and with the subgradient step, from several seeds; two lines for each training.

    One line is about the weights after the last epoch, one about those after a proximal step on all rows, with which
    `model` ends only if its steps are proximal. Columns: step, after ("last epoch" or "full-batch step"), seed, gap
    (relative), zeros (weights that are exactly 0), kept (weights that are not 0, nor are in `best_weights`), and two
    objects, curve (that of `watch_gap`) and weights (1, d). Shapes: X (n, d), y (n,) of 0 and 1.
    """
    rows, targets = [], y[:, None].astype(float)
    penalties = model.alpha, model.l1_ratio
    for step in L1_STEPS:
        for seed in range(seeds):
            curve, fitted, last = watch_gap(clone(model).set_params(l1_step=step, random_state=seed), X, y, optimum)
            stages = {"last epoch": last}
            if step == "subgradient":
                state = OptimizerState(fitted.coef_, fitted.intercept_)
                full_batch_step(X, targets, state, model.learning_rate, *penalties)
                stages["full-batch step"] = state.weights, state.intercept
            else:
                stages["full-batch step"] = fitted.coef_, fitted.intercept_
            for after, (weights, intercept) in stages.items():
                gap = full_objective(X, targets, weights, intercept, *penalties) / optimum - 1
                zeros, kept = int((weights == 0).sum()), int(((weights != 0) & (best_weights != 0)).sum())
                row = {"step": step, "after": after, "seed": seed, "gap": gap, "zeros": zeros, "kept": kept}
                rows.append({**row, "curve": curve, "weights": weights})
    return pd.DataFrame(rows)


def fit_quietly(model, X, y):
    """Fit without the warning about too few epochs, for where training is cut short on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


LEARNING_RATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # for all methods that have one
SCHEDULES = ("constant", "invscaling", "adaptive")  # of SGDClassifier; "optimal" has no learning rate to choose


def build_ours(alpha: float, l1_ratio: float, lr: float, epochs: int, seed: int = 0) -> SGDLogisticRegression:
    """Ours for a short training: a working set of a quarter of the features, early halvings, rows in new order."""
    return SGDLogisticRegression(
        alpha,
        l1_ratio,
        lr,
        momentum=0.9,
        batch_size=128,
        max_epochs=epochs,
        tol=0.5,
        shuffle="every epoch",
        working_set=0.25,
        random_state=seed,
    )


def build_sgd_classifier(
    alpha: float, l1_ratio: float, lr: float, epochs: int, schedule: str = "constant", seed: int = 0
) -> SGDClassifier:
    """scikit-learn's SGD on the same objective: a constant learning rate, one that falls with the square root of the
    steps ("invscaling"), or one that falls by five whenever an epoch no longer helps ("adaptive")."""
    return SGDClassifier(
        "log_loss",
        penalty="elasticnet",
        alpha=alpha,
        l1_ratio=l1_ratio,
        learning_rate=schedule,
        power_t=0.5,
        eta0=lr,
        max_iter=epochs,
        tol=1e-2 if schedule == "adaptive" else None,
        n_iter_no_change=1,
        random_state=seed,
    )


def build_saga(alpha: float, l1_ratio: float, rows: int, epochs: int, seed: int = 0) -> LogisticRegression:
    """scikit-learn's SAGA on the same objective; it sums the loss over rows, so C = 1 / (rows · alpha).

    scikit-learn 1.8 dropped `penalty`; before, `l1_ratio` alone had no effect.
    """
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    options = {} if version >= (1, 8) else {"penalty": "elasticnet"}
    return LogisticRegression(
        solver="saga", C=1 / (rows * alpha), l1_ratio=l1_ratio, tol=1e-12, max_iter=epochs, random_state=seed, **options
    )


def race(build: Callable, budgets: tuple[int, ...], gap: Callable, X, y, enough: float = 0.0) -> pd.DataFrame:
    """Fit `build(epochs)` for each number of epochs, until the gap is at most `enough`.

    `gap(model)` is not timed. Returns the columns epochs, seconds, gap.
    """
    rows = []
    for epochs in budgets:
        model = build(epochs)
        duration = seconds(lambda model=model: fit_quietly(model, X, y))
        rows.append({"epochs": epochs, "seconds": duration, "gap": gap(model)})
        if rows[-1]["gap"] <= enough:
            break
    return pd.DataFrame(rows)


def best_race(builders: list, budgets: tuple[int, ...], gap: Callable, X, y, enough: float = 0.01) -> pd.DataFrame:
    """Of the races of several settings, the one that is soonest within `enough` of the minimum, else the closest."""
    races = [race(build, budgets, gap, X, y) for build in builders]
    return min(
        races,
        key=lambda r: (r["seconds"][r["gap"] <= enough].min() if r["gap"].min() <= enough else np.inf, r["gap"].min()),
    )


def epoch_times(X, targets, model: SGDLogisticRegression, repeats: int = 5) -> dict[str, float]:
    """Milliseconds an epoch: fetching shuffled batches, taking them from a copy shuffled once, training; medians.

    Shapes: X (n, d), targets (n, K).
    """
    rng, size = np.random.default_rng(0), min(model.batch_size, len(X))
    memory = np.empty((size, X.shape[1]), X.dtype), np.empty((size, targets.shape[1]), targets.dtype)
    once = ShuffledOnce(X, targets, model.batch_size, rng)
    for _ in once.epoch():  # the first epoch makes the copy
        pass
    state = OptimizerState(np.zeros((targets.shape[1], X.shape[1]), X.dtype), np.zeros(targets.shape[1], X.dtype))
    steps = (0.001, model.momentum, model.alpha, model.l1_ratio, model.l1_step)

    def drain(batches):
        return sum(float(batch[:, 0].sum() + batch[:, -1].sum()) for batch, _ in batches)

    kinds = {
        "fetch at random": lambda: drain(refill_batches(X, targets, model.batch_size, rng, memory)),
        "train, fetching at random": lambda: train_epoch(
            refill_batches(X, targets, model.batch_size, rng, memory), state, *steps
        ),
        "train, shuffled once": lambda: train_epoch(once.epoch(), state, *steps),
    }
    return {kind: 1000 * float(np.median([seconds(call) for _ in range(repeats)])) for kind, call in kinds.items()}


class QuasiNewton:
    """`find_optimum`, cut off after some iterations, as a model that can race: it has coef_ and intercept_."""

    def __init__(self, alpha: float, l1_ratio: float, iterations: int):
        self.settings = alpha, l1_ratio, iterations

    def fit(self, X, y):
        """Minimise on X (n, d) and y (n,) of 0 and 1."""
        alpha, l1_ratio, iterations = self.settings
        self.coef_, self.intercept_, _ = find_optimum(X, y[:, None].astype(float), alpha, l1_ratio, None, iterations)
        return self


def weight_images(model) -> np.ndarray:
    """The weights of a fitted pipeline (scaler, logistic regression) as pictures, shape (K, 28, 28).

    Raises: NotFittedError before fit, ValueError if there are not 784 weights a class.
    """
    weights = model[-1].coef_
    if weights.shape[1] != SIDE * SIDE:
        raise ValueError(f"{weights.shape[1]} weights a class; expected {SIDE * SIDE}, one a pixel")
    return weights.reshape(-1, SIDE, SIDE)


def worst_misses(probabilities: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Rows that were given the least probability of their true class, the worst first, shape (count,).

    Shapes: probabilities (n, K), labels (n,) from 0.
    """
    truth = probabilities[np.arange(len(labels)), labels]
    return np.argsort(truth, kind="stable")[:count]


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How often class i was taken for class j, shape (classes, classes), integers that sum to n."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    return counts
