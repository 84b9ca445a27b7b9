"""Evaluation of week 3: AUC on shared folds, paired differences, effect curves, calibration, and net revenue."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import logit
from scipy.stats import binomtest, t
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from tqdm import tqdm

TUNING_SEED = 1000  # tuning uses other folds than the comparison of models


def tuning_folds(labels: pd.Series, folds: int, seed: int) -> list:
    """Folds for tuning: other splits of the same rows than those of `comparison_folds`."""
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed + TUNING_SEED).split(labels, labels))


def comparison_folds(labels: pd.Series, folds: int, repeats: int, seed: int) -> list:
    """Folds for the comparison of all models: `folds` times `repeats` pairs of row numbers."""
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    return list(splitter.split(labels, labels))


def fold_scores(model, data, labels, folds: list, name: str = "", workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """AUC on each fold, (folds,), and each row's mean out-of-fold probability, (n,), of a model trained on the rest.

    `workers` folds are trained at the same time, in threads; a model that uses threads itself should then use one.
    """

    def predict_fold(train, test):
        return clone(model).fit(data.iloc[train], labels.iloc[train]).predict_proba(data.iloc[test])[:, 1]

    predicted = Parallel(workers, backend="threading", return_as="generator")(delayed(predict_fold)(*f) for f in folds)
    scores, sums, counts = [], np.zeros(len(labels)), np.zeros(len(labels))
    for (_, test), probs in zip(folds, tqdm(predicted, name, len(folds), unit="fold", leave=False), strict=True):
        scores.append(roc_auc_score(labels.iloc[test], probs))
        sums[test] += probs
        counts[test] += 1
    return np.array(scores), sums / counts


def paired_interval(differences: np.ndarray, test_ratio: float, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of paired fold differences, with the corrected resampled t interval.

    Folds share training rows, so the naive interval is too narrow; the correction is approximate for cross-validation.
    `test_ratio` is the size of a test fold over that of its training part, 1/4 for five folds.
    Raises: ValueError for fewer than two differences. Source: Nadeau and Bengio 2003, doi:10.1023/A:1024068626366.
    """
    count = len(differences)
    if count < 2:
        raise ValueError(f"{count} differences; expected two or more")
    mean = float(np.mean(differences))
    error = np.sqrt((1 / count + test_ratio) * np.var(differences, ddof=1))
    margin = float(t.ppf((1 + level) / 2, count - 1) * error)
    return mean, mean - margin, mean + margin


def describe_interval(mean: float, low: float, high: float) -> str:
    """A mean with its interval, in words."""
    return f"{mean:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"


def choose_simplest(scores: dict, test_ratio: float):
    """Start at the model with the best mean; move to simpler ones until one is measurably worse than the best.

    `scores` holds the fold scores of each model, the simplest first; returns a key of it. Measurably worse: the paired
    interval of the difference from the best lies below zero.
    """
    names = list(scores)
    best = chosen = max(names, key=lambda name: np.mean(scores[name]))
    for name in reversed(names[: names.index(best)]):
        _, _, high = paired_interval(scores[name] - scores[best], test_ratio)
        if high < 0:
            break
        chosen = name
    return chosen


def effect_curve(model, data: pd.DataFrame, column: str, values: np.ndarray) -> np.ndarray:
    """Mean predicted log-odds over the rows of `data`, (len(values),), with `column` set to each value in turn.

    This is the partial dependence; for a model that is additive in the log-odds, its curve of that column.
    """
    copies = pd.concat([data.assign(**{column: value}) for value in values])
    return logit(model.predict_proba(copies)[:, 1]).reshape(len(values), len(data)).mean(axis=1)


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


def calibration(labels: pd.Series, probs: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Customers in `bins` groups of equal size by predicted probability: mean prediction and observed churn rate.

    Returns the columns predicted, observed, low, high (Wilson's 95 % interval of observed), customers.
    """
    order = np.argsort(probs, kind="stable")
    rows = []
    for group in np.array_split(order, bins):
        churned, size = int(np.asarray(labels)[group].sum()), len(group)
        interval = binomtest(churned, size).proportion_ci(0.95, method="wilson")
        rows.append((probs[group].mean(), churned / size, interval.low, interval.high, size))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "customers"])


def calibration_error(table: pd.DataFrame) -> float:
    """Expected calibration error: mean distance of `observed` from `predicted` over the groups of `calibration`."""
    return float((table["predicted"] - table["observed"]).abs().mean())


def simulate_calibration_errors(probs: np.ndarray, draws: int, seed: int, bins: int = 10) -> np.ndarray:
    """Calibration errors (draws,) of outcomes drawn with exactly these probabilities: the sampling error alone."""
    probs = np.sort(probs)
    groups = np.array_split(np.arange(len(probs)), bins)
    rng, errors = np.random.default_rng(seed), []
    for _ in range(draws):
        surplus = (rng.random(len(probs)) < probs) - probs
        errors.append(np.mean([abs(surplus[group].mean()) for group in groups]))
    return np.array(errors)


@dataclass(frozen=True)
class Campaign:
    """An invented campaign: an offer costs `cost`; a fraction `success` of would-be churners stays, `months` more."""

    cost: float = 50.0
    success: float = 0.3
    months: float = 12.0


def net_revenue_curve(labels, probs, bills, campaign: Campaign, steps: int = 101) -> pd.DataFrame:
    """Net revenue per customer if all customers with a probability of at least the threshold get an offer.

    It counts bills, not profit: the cost of serving a customer is not in the data.
    Shapes: labels, probs, bills (n,). Columns threshold, net_revenue, offered (fraction of customers).
    """
    labels, probs, bills = (np.asarray(values, dtype=float) for values in (labels, probs, bills))
    worth = labels * campaign.success * campaign.months * bills - campaign.cost  # of an offer to each customer
    rows = []
    for threshold in np.linspace(0, 1, steps):
        chosen = probs >= threshold
        rows.append((threshold, worth[chosen].sum() / len(worth), chosen.mean()))
    return pd.DataFrame(rows, columns=["threshold", "net_revenue", "offered"])
