"""What week 3 measures: AUCs on shared folds and their paired differences, calibration, profit, and chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, t
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold, permutation_test_score
from tqdm import tqdm

from churn.models import build_logistic

TUNING_SEED = 1000  # folds for choosing; models are compared on other cuts of the same customers


def tuning_folds(labels: pd.Series, folds: int, seed: int) -> list:
    """Folds on which settings are chosen: other cuts of the same rows than those of `comparison_folds`."""
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed + TUNING_SEED).split(labels, labels))


def comparison_folds(labels: pd.Series, folds: int, repeats: int, seed: int) -> list:
    """Folds on which all models are compared, `folds` times `repeats` pairs of row numbers."""
    cutter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    return list(cutter.split(labels, labels))


def search_strength(data, labels, strengths: tuple[float, ...], folds: list) -> GridSearchCV:
    """GridSearchCV over the C of the logistic regression by ROC-AUC, fitted."""
    grid = {"logisticregression__C": list(strengths)}
    return GridSearchCV(build_logistic(), grid, scoring="roc_auc", cv=folds).fit(data, labels)


def fold_scores(model, data, labels, folds: list, name: str = "") -> tuple[np.ndarray, np.ndarray]:
    """AUC on each fold, (folds,), and each row's mean out-of-fold probability, (n,), of a model trained on the rest."""
    scores, sums, counts = [], np.zeros(len(labels)), np.zeros(len(labels))
    for train, test in tqdm(folds, desc=name, unit="fold", leave=False):
        fitted = clone(model).fit(data.iloc[train], labels.iloc[train])
        chances = fitted.predict_proba(data.iloc[test])[:, 1]
        scores.append(roc_auc_score(labels.iloc[test], chances))
        sums[test] += chances
        counts[test] += 1
    return np.array(scores), sums / counts


def paired_interval(differences: np.ndarray, test_share: float, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of paired fold differences with its interval, wider than the usual one: repeated folds share rows.

    `test_share` is a test fold's size over a training fold's, 1/4 for five folds.
    Raises: ValueError for fewer than two differences. Source: Nadeau and Bengio 2003, doi:10.1023/A:1024068626366.
    """
    count = len(differences)
    if count < 2:
        raise ValueError(f"{count} differences; expected two or more")
    mean = float(np.mean(differences))
    error = np.sqrt((1 / count + test_share) * np.var(differences, ddof=1))
    reach = float(t.ppf((1 + level) / 2, count - 1) * error)
    return mean, mean - reach, mean + reach


def bootstrap_gain(labels, ours, theirs, resamples: int, seed: int) -> tuple[float, float, float]:
    """AUC of `ours` minus AUC of `theirs` on the same rows, with a 95 % percentile interval over resampled rows.

    Shapes: labels (n,) of 0 and 1, scores (n,) each.
    """
    labels, ours, theirs = (np.asarray(values) for values in (labels, ours, theirs))
    rng, gains = np.random.default_rng(seed), []
    while len(gains) < resamples:
        rows = rng.integers(len(labels), size=len(labels))
        if 0 < labels[rows].sum() < len(rows):
            gains.append(roc_auc_score(labels[rows], ours[rows]) - roc_auc_score(labels[rows], theirs[rows]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return roc_auc_score(labels, ours) - roc_auc_score(labels, theirs), float(low), float(high)


def permutation_test(data, labels, c: float, folds: int, permutations: int, seed: int):
    """Logistic regression's AUC, its AUCs on shuffled labels, (permutations,), and the share that is as good."""
    cutter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return permutation_test_score(
        build_logistic(c), data, labels, scoring="roc_auc", cv=cutter, n_permutations=permutations, random_state=seed
    )


def calibration(labels: pd.Series, chances: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Customers in `bins` groups of equal size by predicted probability: predicted mean, and share that left.

    Returns the columns predicted, observed, low, high (Wilson's 95 % interval of observed), customers.
    """
    order = np.argsort(chances, kind="stable")
    rows = []
    for group in np.array_split(order, bins):
        left, size = int(np.asarray(labels)[group].sum()), len(group)
        interval = binomtest(left, size).proportion_ci(0.95, method="wilson")
        rows.append((chances[group].mean(), left / size, interval.low, interval.high, size))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "customers"])


def calibration_error(table: pd.DataFrame) -> float:
    """Mean distance of `observed` from `predicted` over the groups of `calibration`."""
    return float((table["predicted"] - table["observed"]).abs().mean())


def error_of_perfection(chances: np.ndarray, resamples: int, seed: int, bins: int = 10) -> float:
    """The median `calibration_error` if every probability were exactly true: what chance alone makes of it."""
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(chances)) < chances for _ in range(resamples))
    return float(np.median([calibration_error(calibration(pd.Series(draw), chances, bins)) for draw in draws]))


@dataclass(frozen=True)
class Costs:
    """An invented campaign: an offer costs `offer`; of those who would leave, `kept` stay, for `months` more."""

    offer: float = 50.0
    kept: float = 0.3
    months: float = 12.0


def profit_curve(labels, chances, monthly, costs: Costs, steps: int = 101) -> pd.DataFrame:
    """Expected profit of offering to all above a threshold, in units of MonthlySpending, per customer of the table.

    Shapes: labels, chances, monthly (n,). Columns threshold, profit, offered (share of customers).
    """
    labels, chances, monthly = (np.asarray(values, dtype=float) for values in (labels, chances, monthly))
    worth = labels * costs.kept * costs.months * monthly - costs.offer  # of an offer to each customer
    rows = []
    for threshold in np.linspace(0, 1, steps):
        chosen = chances >= threshold
        rows.append((threshold, worth[chosen].sum() / len(worth), chosen.mean()))
    return pd.DataFrame(rows, columns=["threshold", "profit", "offered"])
