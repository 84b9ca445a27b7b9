"""The figures of week 3 that look at models."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED


def plot_strengths(strengths, scores: np.ndarray, spread: np.ndarray) -> Figure:
    """Mean AUC over the folds for each C, with one standard deviation of the folds."""
    figure, ax = plt.subplots(figsize=(7, 3.2))
    ax.errorbar(strengths, scores, yerr=spread, fmt="o-", color=BLUE, capsize=3)
    ax.set(xscale="log", xlabel="C, the inverse of the penalty's strength", ylabel="ROC-AUC")
    ax.set_title("Logistic regression, mean and spread of the folds")
    return figure


def plot_study(table: pd.DataFrame) -> Figure:
    """Left: the AUC of each trial and the best so far; right: AUC by learning rate, coloured by depth."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.9), sharey=True)
    kept, pruned = table[~table["pruned"]], table[table["pruned"]]
    left.scatter(pruned.index, pruned["auc"], s=30, facecolors="none", edgecolors=GREY, label="given up early")
    left.scatter(kept.index, kept["auc"], s=30, color=BLUE, label="all folds")
    left.step(kept.index, kept["auc"].cummax(), where="post", color=ORANGE, label="best so far")
    left.set(xlabel="trial", ylabel="mean ROC-AUC of the folds seen", title="The search")
    left.set_ylim(table["auc"].quantile(0.05) - 0.001, table["auc"].max() + 0.001)
    left.legend(fontsize=9, ncols=3, loc="lower right", bbox_to_anchor=(1.02, 0.98), columnspacing=1, handletextpad=0.3)
    points = right.scatter(
        kept["learning_rate"], kept["auc"], c=kept["depth"], s=40, vmin=0.5, vmax=5.5, cmap=plt.get_cmap("viridis", 5)
    )
    figure.colorbar(points, ax=right, label="depth of the trees", ticks=range(1, 6))
    right.set(xscale="log", xlabel="learning rate", title="What it found")
    right.set_xticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    right.minorticks_off()
    return figure


def plot_differences(differences: dict[str, np.ndarray], intervals: dict[str, tuple]) -> Figure:
    """AUC minus the reference's, fold by fold, for each model, with the mean and its interval."""
    figure, ax = plt.subplots(figsize=(9, 0.75 * len(differences) + 1.2))
    for row, (name, values) in enumerate(differences.items()):
        mean, low, high = intervals[name]
        ax.scatter(values, np.full(len(values), row) + 0.22, s=16, color=GREY, alpha=0.6)
        ax.plot([low, high], [row, row], color=BLUE, linewidth=3)
        ax.plot(mean, row, "o", color=BLUE, markersize=8)
    ax.axvline(0, color=RED, linewidth=1)
    ax.set_yticks(range(len(differences)), list(differences))
    ax.set(
        xlabel="ROC-AUC minus that of the original's CatBoost, on the same fold", ylim=(len(differences) - 0.5, -0.5)
    )
    ax.set_title("Better (right) or worse than the original; dots are folds, bars 95 % intervals")
    return figure


def plot_calibration(tables: dict[str, pd.DataFrame], chances: np.ndarray) -> Figure:
    """Left: the share that left against the probability predicted; right: how often each probability is predicted."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.9))
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    for (name, table), colour in zip(tables.items(), (BLUE, ORANGE), strict=False):
        reach = [table["observed"] - table["low"], table["high"] - table["observed"]]
        left.errorbar(table["predicted"], table["observed"], yerr=reach, fmt="o-", color=colour, capsize=3, label=name)
    left.set(xlabel="predicted probability of leaving", ylabel="share that left", title="Calibration")
    left.set(xlim=(0, 1), ylim=(0, 1))
    left.legend()
    right.hist(chances, bins=40, range=(0, 1), color=BLUE, alpha=0.7)
    right.set(xlabel="predicted probability of leaving", ylabel="customers", title="How sure it is", xlim=(0, 1))
    return figure


def plot_profit(table: pd.DataFrame, best: pd.Series, fair: float) -> Figure:
    """Profit by threshold, with the best one and the one that follows from the costs (`fair`) marked."""
    figure, ax = plt.subplots(figsize=(8, 3.6))
    ax.plot(table["threshold"], table["profit"], color=BLUE, label="profit a customer")
    ax.axvline(fair, color=GREY, linestyle="--", linewidth=1)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.plot(best["threshold"], best["profit"], "o", color=RED, markersize=9)
    ax.annotate(
        f"{best['profit']:.2f} at {best['threshold']:.2f}, {best['offered']:.0%} get an offer",
        (best["threshold"], best["profit"]), xytext=(0, 12), textcoords="offset points", color=RED,
    )  # fmt: skip
    low, high = min(table["profit"].min(), 0), table["profit"].max()
    ax.set(
        xlabel="threshold",
        ylabel="profit, for each customer",
        ylim=(low - 0.1 * high, 1.3 * high),
        title="Whom to call",
    )
    return figure


def plot_permutations(score: float, shuffled: np.ndarray) -> Figure:
    """AUCs of models that learnt from shuffled labels, and that of the real one."""
    figure, ax = plt.subplots(figsize=(8, 2.9))
    ax.hist(shuffled, bins=30, color=GREY, label="labels shuffled")
    ax.axvline(score, color=GREEN, label="real labels")
    ax.set(xlabel="ROC-AUC", ylabel="models", title="What chance can do", xlim=(0.4, 0.9))
    ax.legend()
    return figure
