"""Logistic regression as a scikit-learn estimator, for two classes and for more."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from logreg.batches import ShuffledOnce, check_sizes, iterate_batches
from logreg.objective import probabilities
from logreg.train import L1_STEPS, Progress, Schedule, settle, train, train_epoch

SHUFFLES = ("once", "every epoch")


class SGDLogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression with an elastic-net penalty, by mini-batch proximal gradient descent.

    Two classes are modelled by one score and the sigmoid, more by the softmax. Minimises the mean log-loss plus
    alpha · (l1_ratio · Σ|w| + (1 - l1_ratio) / 2 · Σw²), the intercept not penalised. Features of one size help:
    put a StandardScaler before it.

    Parameters: `learning_rate` halves whenever a hundred steps improve the loss by less than the share `tol`, and
    training ends after twelve halvings, or after `max_epochs` with a ConvergenceWarning; with `tol=None` it neither
    halves nor ends early. Where L1 counts, one step on all rows then sets to zero what only the noise of batches kept
    from it. `momentum` in [0, 1). `l1_step` is "proximal", which yields exact zeros, or the homework's
    "subgradient", which does not. `shuffle` is "once" (a copy of X, less time an epoch) or "every epoch".

    Attributes: `classes_`; `coef_`, shape (1, d) for two classes, else (K, d), in X's precision; `intercept_`, (1,) or
    (K,); `n_iter_`, epochs; `batch_losses_`, the objective on each batch, shape (n_iter_, batches).
    """

    def __init__(
        self,
        alpha=1e-4,
        l1_ratio=0.0,
        learning_rate=0.05,
        momentum=0.9,
        batch_size=128,
        max_epochs=1000,
        tol=1e-3,
        l1_step="proximal",
        shuffle="once",
        random_state=None,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.tol = tol
        self.l1_step = l1_step
        self.shuffle = shuffle
        self.random_state = random_state

    def __getattr__(self, name: str):
        if name.endswith("_") and not name.startswith("_"):  # reached only if it was not set
            raise NotFittedError(f"{name} is not known yet; call fit first")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def fit(self, X, y):
        """Learn from X (n, d) and labels y (n,). Raises ValueError or TypeError for what it cannot learn from."""
        self._check_settings()
        X, y = self._check_rows(X, y, first=True)
        self.classes_ = check_classes(np.unique(y))
        self._start(X)
        targets = self._targets(y, X.dtype)
        rows = (X, targets, self.batch_size, self._rng)
        once = ShuffledOnce(*rows)

        def epoch(rate):
            return self._epoch(once.epoch() if self.shuffle == "once" else iterate_batches(*rows), rate)

        schedule = Schedule(self.learning_rate, self.max_epochs, self.tol)
        self.batch_losses_, converged = train(epoch, schedule)
        self.n_iter_ = len(self.batch_losses_)
        if converged and self.l1_step == "proximal" and self.alpha * self.l1_ratio > 0:
            settle(X, targets, self._progress, self.learning_rate, self.alpha, self.l1_ratio)
        if self.tol is not None and not converged:
            advice = "raise max_epochs or tol, or scale the features"
            warnings.warn(f"no convergence in {self.n_iter_} epochs; {advice}", ConvergenceWarning, stacklevel=2)
        return self._finish()

    def partial_fit(self, X, y, classes=None):
        """One more epoch, over these rows, at the full learning rate; the first call names all `classes`."""
        self._check_settings()
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("the first call of partial_fit needs classes: all that will ever occur in y")
        X, y = self._check_rows(X, y, first)
        if first:
            self.classes_ = check_classes(np.unique(classes))
            self._start(X)
            self.n_iter_ = 0
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={list(classes)} are not those of the first call, {self.classes_.tolist()}")
        self._progress = Progress(self.coef_, self.intercept_)
        batches = iterate_batches(X, self._targets(y, X.dtype), self.batch_size, self._rng)
        self.batch_losses_ = np.array([self._epoch(batches, self.learning_rate)])
        self.n_iter_ += 1
        return self._finish()

    def decision_function(self, X):
        """Scores: (n,) for two classes, above 0 for the second of them; else (n, K), the largest wins."""
        logits = self._logits(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X):
        """Probabilities of the classes in the order of `classes_`, shape (n, K); rows sum to 1."""
        return probabilities(self._logits(X))

    def predict(self, X):
        """The most probable class of each row, shape (n,)."""
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def _logits(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return X @ self.coef_.T + self.intercept_

    def _check_rows(self, X, y, first: bool):
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], order="C", reset=first)
        check_classification_targets(y)
        check_sizes(X, y, self.batch_size)
        return X, y

    def _start(self, X) -> None:
        outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        self.coef_ = np.zeros((outputs, X.shape[1]), X.dtype)
        self.intercept_ = np.zeros(outputs, X.dtype)
        self._progress = Progress(self.coef_, self.intercept_)
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))

    def _finish(self):
        self.coef_, self.intercept_ = self._progress.weights, self._progress.intercept
        del self._progress
        return self

    def _targets(self, y, dtype) -> np.ndarray:
        """0 or 1 in one column for two classes, else a column a class with one 1 a row."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"labels {unknown.tolist()} are not among the classes {self.classes_.tolist()}")
        hits = y[:, None] == self.classes_[None, -1:] if len(self.classes_) == 2 else y[:, None] == self.classes_
        return hits.astype(dtype)

    def _epoch(self, batches, rate: float) -> list[float]:
        return train_epoch(batches, self._progress, rate, self.momentum, self.alpha, self.l1_ratio, self.l1_step)

    def _check_settings(self) -> None:
        for name, low, high in (
            ("alpha", 0, np.inf),
            ("l1_ratio", 0, 1),
            ("learning_rate", np.nextafter(0, 1), np.inf),
            ("momentum", 0, np.nextafter(1, 0)),
        ):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool) or not low <= value <= high or np.isinf(value):
                limits = {"alpha": "from 0", "l1_ratio": "from 0 to 1", "learning_rate": "above 0"}
                raise ValueError(f"{name}={value!r}; expected a number {limits.get(name, 'from 0, below 1')}")
        if not isinstance(self.max_epochs, Integral) or self.max_epochs < 1:
            raise ValueError(f"max_epochs={self.max_epochs!r}; expected a whole number from 1")
        if self.tol is not None and not (isinstance(self.tol, Real) and 0 <= self.tol < 1):
            raise ValueError(f"tol={self.tol!r}; expected None, or a share from 0, below 1")
        for name, known in (("l1_step", L1_STEPS), ("shuffle", SHUFFLES)):
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; there are: {', '.join(known)}")


def check_classes(classes: np.ndarray) -> np.ndarray:
    """`classes`, if there are two or more; else ValueError."""
    if len(classes) < 2:
        raise ValueError(f"all labels are of one class, {classes.tolist()}; a classifier needs two classes or more")
    return classes
