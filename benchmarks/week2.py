"""2W: our mini-batch descent against scikit-learn's solvers, and against the loop that everybody writes."""

from functools import cache, partial

import numpy as np
from sklearn.preprocessing import StandardScaler

from benchmarks.cases import Case
from benchmarks.rivals.logreg_textbook import TextbookLogisticRegression
from coursework.runtime import seconds
from logreg.config import CONFIGS
from logreg.data import load_mnist, only
from logreg.evaluate import build_ours, build_saga, build_sgd_classifier, fit_quietly, race, relative_gap
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum

ALPHA, L1_RATIO, ENOUGH, EPOCHS = 0.01, 0.5, 0.01, 20
RATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # the same grid for both that have a rate
SCHEDULES = ("constant", "invscaling", "adaptive")  # of SGDClassifier; "optimal" has no rate to tune
BUDGETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
SAGA_BUDGETS = (50, 100, 150, 200, 300, 400, 600)
DATA = "MNIST 0 and 1, 14,780 × 784, standardised, float64, alpha 0.01, l1_ratio 0.5"
TO_ENOUGH = f"{DATA}; to within 1 % of the minimum, rates (and SGDClassifier's schedule) tuned on one grid"


@cache
def load_rows() -> tuple[np.ndarray, np.ndarray, float]:
    """Features, labels, and the minimum of the objective."""
    digits = load_mnist(CONFIGS["sample"])
    images, labels = zip(
        only(digits.train, digits.train_labels, 0, 1), only(digits.test, digits.test_labels, 0, 1), strict=True
    )
    X, y = StandardScaler().fit_transform(np.vstack(images)), np.hstack(labels)
    return X, y, find_optimum(X, y[:, None].astype(float), ALPHA, L1_RATIO)[2]


def gap(model) -> float:
    """How far above the minimum a fitted model is, as a share of it."""
    X, y, optimum = load_rows()
    return relative_gap(model, X, y, ALPHA, L1_RATIO, optimum)


def fastest(builders: list, budgets: tuple[int, ...]):
    """Of `builders` (epochs -> model), the one that gets within 1 % soonest, with the epochs that it needs."""
    X, y, _ = load_rows()
    found = []
    for build in builders:
        last = race(build, budgets, gap, X, y, ENOUGH).iloc[-1]
        if last["gap"] <= ENOUGH:
            model = build(int(last["epochs"]))
            found.append((min(seconds(partial(fit_quietly, model, X, y)) for _ in range(3)), len(found), model))
    if not found:
        raise RuntimeError(f"none of {len(builders)} settings comes within {ENOUGH:.0%} in {budgets[-1]} epochs")
    return min(found)[-1]


@cache
def tuned_ours():
    """Ours, at its best rate."""
    return fastest([partial(build_ours, ALPHA, L1_RATIO, rate) for rate in RATES], BUDGETS)


@cache
def tuned_sgd_classifier():
    """SGDClassifier, at its best rate and schedule."""
    builders = [
        partial(build_sgd_classifier, ALPHA, L1_RATIO, rate, schedule=schedule)
        for rate in RATES
        for schedule in SCHEDULES
    ]
    return fastest(builders, BUDGETS)


@cache
def tuned_saga():
    """LogisticRegression(solver="saga"), which has no rate to tune."""
    return fastest([partial(build_saga, ALPHA, L1_RATIO, len(load_rows()[1]))], SAGA_BUDGETS)


def train_ours() -> SGDLogisticRegression:
    """Twenty epochs of ours at a constant rate."""
    X, y, _ = load_rows()
    return SGDLogisticRegression(ALPHA, L1_RATIO, 0.01, max_epochs=EPOCHS, tol=None, random_state=0).fit(X, y)


def train_textbook() -> TextbookLogisticRegression:
    """Twenty epochs of the textbook's."""
    X, y, _ = load_rows()
    return TextbookLogisticRegression(ALPHA, L1_RATIO, 0.01, 128, EPOCHS).fit(X, y)


def both_close(ours, theirs) -> bool:
    """Whether both are within 1 % of the minimum."""
    return max(gap(ours), gap(theirs)) <= ENOUGH


def both_learnt(ours, theirs) -> bool:
    """Whether both have brought the loss from log 2 to less than 0.1; they do not take the same steps."""
    X, y, _ = load_rows()
    values = [full_objective(X, y[:, None], m.coef_, m.intercept_, ALPHA, L1_RATIO) for m in (ours, theirs)]
    return max(values) < 0.1


def build_cases() -> list[Case]:
    """To within 1 % of the minimum against two solvers, and epoch for epoch against the textbook loop."""

    def fit(tuned):
        X, y, _ = load_rows()
        return fit_quietly(tuned(), X, y)

    ours = partial(fit, tuned_ours)
    sgd, saga = partial(fit, tuned_sgd_classifier), partial(fit, tuned_saga)
    loop = f"{DATA}; {EPOCHS} epochs of batches of 128, all included"
    return [
        Case("logreg_vs_sgdclassifier", "against a tuned SGDClassifier", TO_ENOUGH, 1, ours, sgd, both_close),
        Case("logreg_vs_saga", 'against LogisticRegression("saga")', TO_ENOUGH, 1, ours, saga, both_close),
        Case(
            "logreg_vs_textbook_loop", "against the textbook loop", loop, 2.5, train_ours, train_textbook, both_learnt
        ),
    ]
