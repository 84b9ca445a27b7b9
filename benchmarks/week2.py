"""2W: our mini-batch descent against scikit-learn's solvers, and against the loop that everybody writes."""

from functools import cache, partial

import numpy as np
from sklearn.preprocessing import StandardScaler

from benchmarks.cases import Case
from benchmarks.rivals.logreg_textbook import TextbookLogisticRegression
from coursework.runtime import seconds
from logreg.config import CONFIGS
from logreg.data import load_mnist, only
from logreg.evaluate import (
    LEARNING_RATES,
    SCHEDULES,
    build_ours,
    build_saga,
    build_sgd_classifier,
    fit_quietly,
    relative_gap,
)
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum

ALPHA, L1_RATIO, ENOUGH, EPOCHS, SEEDS = 0.01, 0.5, 0.01, 100, range(5)
BUDGETS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
SAGA_BUDGETS = (50, 100, 150, 200, 300, 400, 600)
NEWTON_BUDGETS = tuple(range(1, 16))
DATA = "MNIST 0 and 1, 14,780 × 784, standardised, float64, alpha 0.01, l1_ratio 0.5"
TO_ENOUGH = f"{DATA}; to within 1 % of the minimum for each of five seeds, rates (and SGDClassifier's schedule) tuned"


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


def reliable(build, epochs: int) -> bool:
    """Whether so many epochs come within 1 % whatever the seed: one lucky order of rows proves nothing."""
    X, y, _ = load_rows()
    return all(gap(fit_quietly(build(epochs, seed=seed), X, y)) <= ENOUGH for seed in SEEDS)


def fastest(builders: list, budgets: tuple[int, ...]):
    """Of `builders` (epochs, seed -> model), the one that is soonest reliable, with the epochs that it needs."""
    X, y, _ = load_rows()
    found = []
    for build in builders:
        epochs = next((epochs for epochs in budgets if reliable(build, epochs)), None)
        if epochs:
            model = build(epochs, seed=SEEDS[0])
            found.append((min(seconds(partial(fit_quietly, model, X, y)) for _ in range(3)), len(found), model))
    if not found:
        raise RuntimeError(f"none of {len(builders)} settings comes within {ENOUGH:.0%} in {budgets[-1]} epochs")
    return min(found)[-1]


@cache
def tuned_ours():
    """Ours, at its best rate."""
    return fastest([partial(build_ours, ALPHA, L1_RATIO, rate) for rate in LEARNING_RATES], BUDGETS)


@cache
def tuned_sgd_classifier():
    """SGDClassifier, at its best rate and schedule."""
    builders = [
        partial(build_sgd_classifier, ALPHA, L1_RATIO, rate, schedule=schedule)
        for rate in LEARNING_RATES
        for schedule in SCHEDULES
    ]
    return fastest(builders, BUDGETS)


@cache
def tuned_saga():
    """LogisticRegression(solver="saga"), which has no rate to tune."""
    return fastest([partial(build_saga, ALPHA, L1_RATIO, len(load_rows()[1]))], SAGA_BUDGETS)


def build_skglm(iterations: int, seed: int):
    """skglm's solver; `seed` is not used, for it draws nothing."""
    from benchmarks.rivals.logreg_skglm import SkglmLogisticRegression  # numba: seconds, for its own cases only

    return SkglmLogisticRegression(ALPHA, L1_RATIO, iterations)


@cache
def tuned_skglm():
    """skglm, with as many outer iterations as it needs."""
    return fastest([build_skglm], NEWTON_BUDGETS)


@cache
def load_columns() -> tuple[np.ndarray, np.ndarray]:
    """The features in column order, which skglm needs, and the labels."""
    X, y, _ = load_rows()
    return np.asfortranarray(X), y


def train_ours() -> SGDLogisticRegression:
    """As many epochs of ours at a constant rate, without the columns of zeros, with steps in single precision."""
    X, y, _ = load_rows()
    settings = {"max_epochs": EPOCHS, "tol": None, "working_set": 1.0, "single_steps": True, "random_state": 0}
    model = SGDLogisticRegression(ALPHA, L1_RATIO, 0.01, 0.0, **settings)
    return model.fit(X, y)


def train_textbook() -> TextbookLogisticRegression:
    """As many epochs of the textbook's."""
    X, y, _ = load_rows()
    return TextbookLogisticRegression(ALPHA, L1_RATIO, 0.01, 128, EPOCHS).fit(X, y)


def both_close(ours, theirs) -> bool:
    """Whether both are within 1 % of the minimum."""
    return max(gap(ours), gap(theirs)) <= ENOUGH


def both_learnt(ours, theirs) -> bool:
    """Whether both, at the same rate and without momentum, end at the same objective to 1 %: batches are random."""
    X, y, _ = load_rows()
    values = [full_objective(X, y[:, None], m.coef_, m.intercept_, ALPHA, L1_RATIO) for m in (ours, theirs)]
    return max(values) <= 1.01 * min(values)


def build_cases() -> list[Case]:
    """To within 1 % of the minimum against two solvers, and epoch for epoch against the textbook loop."""

    def fit(tuned, load=load_rows):
        X, y, *_ = load()
        return fit_quietly(tuned(), X, y)

    ours = partial(fit, tuned_ours)
    sgd, saga = partial(fit, tuned_sgd_classifier), partial(fit, tuned_saga)
    newton, ordered = partial(fit, tuned_skglm), partial(fit, tuned_skglm, load_columns)
    loop = f"{DATA}; {EPOCHS} epochs of batches of 128, all included; ours without columns of zeros, in float32"
    return [
        Case("logreg_vs_sgdclassifier", "against a tuned SGDClassifier", TO_ENOUGH, 1.2, ours, sgd, both_close),
        Case("logreg_vs_skglm", "against skglm's ProxNewton", TO_ENOUGH, 1.2, ours, newton, both_close),
        Case("logreg_vs_skglm_no_copy", "the same, columns given", TO_ENOUGH, 1, ours, ordered, both_close),
        Case("logreg_vs_saga", 'against LogisticRegression("saga")', TO_ENOUGH, 1, ours, saga, both_close),
        Case(
            "logreg_vs_textbook_loop", "against the textbook loop", loop, 2.5, train_ours, train_textbook, both_learnt
        ),
    ]
