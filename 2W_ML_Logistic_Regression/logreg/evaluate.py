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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursework.runtime import seconds
from logreg.data import SIDE
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective


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


def watch_gap(model: SGDLogisticRegression, X, y, optimum: float) -> tuple[pd.DataFrame, SGDLogisticRegression]:
    """Train `model` on two classes and watch: the relative gap, and weights that are exactly 0, after each epoch.

    Shapes: X (n, d), y (n,) of 0 and 1. Returns the columns gap and zeros, indexed by epoch from 1, where the last
    row is the finished model, after its step on all rows; and that model.
    """
    penalties, rows = (model.alpha, model.l1_ratio), []

    def measure(weights, intercept):
        value = full_objective(X, y[:, None], weights, intercept, *penalties)
        rows.append({"gap": value / optimum - 1, "zeros": int((weights == 0).sum())})

    class Watched(SGDLogisticRegression):
        def _epoch(self, batches, rate):
            losses = super()._epoch(batches, rate)
            measure(self._progress.weights, self._progress.intercept)
            return losses

    trained = Watched(**model.get_params()).fit(X, y)
    measure(trained.coef_, trained.intercept_)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="epoch")), trained


def fit_quietly(model, X, y):
    """Fit without the warning about too few epochs, for where training is cut short on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def build_ours(alpha: float, l1_ratio: float, rate: float, epochs: int) -> SGDLogisticRegression:
    """Ours, to be stopped after `epochs`."""
    return SGDLogisticRegression(alpha, l1_ratio, rate, max_epochs=epochs, tol=1e-2, random_state=0)


def build_sgd_classifier(
    alpha: float, l1_ratio: float, rate: float, epochs: int, schedule: str = "invscaling"
) -> SGDClassifier:
    """scikit-learn's SGD on the same objective; by default its rate falls with the square root of the steps."""
    return SGDClassifier(
        "log_loss",
        penalty="elasticnet",
        alpha=alpha,
        l1_ratio=l1_ratio,
        learning_rate=schedule,
        power_t=0.5,
        eta0=rate,
        max_iter=epochs,
        tol=None,
        random_state=0,
    )


def build_saga(alpha: float, l1_ratio: float, rows: int, epochs: int) -> LogisticRegression:
    """scikit-learn's SAGA on the same objective; it sums the loss over rows, so C = 1 / (rows · alpha).

    scikit-learn 1.8 dropped `penalty`; before, `l1_ratio` alone had no effect.
    """
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    options = {} if version >= (1, 8) else {"penalty": "elasticnet"}
    return LogisticRegression(
        solver="saga", C=1 / (rows * alpha), l1_ratio=l1_ratio, tol=1e-12, max_iter=epochs, random_state=0, **options
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


def l1_path(model: SGDLogisticRegression, images, labels, alphas: tuple[float, ...]) -> list:
    """A fitted pipeline of scaler and `model` with pure L1 for each strength, weakest first."""
    models = [clone(model).set_params(alpha=alpha, l1_ratio=1.0) for alpha in alphas]
    return [fit_quietly(make_pipeline(StandardScaler(), one), images, labels) for one in models]


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
