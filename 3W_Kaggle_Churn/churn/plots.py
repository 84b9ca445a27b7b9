"""The figures of week 3 that are not drawn in the notebook's own cells."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED


def plot_c_values(c_values, scores: np.ndarray) -> Figure:
    """Left: AUC against C, one line per fold, and the mean; right: the same minus each fold's AUC at the best C.

    Shapes: c_values (n,), scores (n, folds).
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2))
    best = int(np.argmax(scores.mean(axis=1)))
    for ax, values in zip(axes, (scores, scores - scores[best]), strict=True):
        ax.plot(c_values, values, color=GREY, linewidth=1, alpha=0.7)
        ax.plot(c_values, values.mean(axis=1), "o-", color=BLUE)
        ax.set(xscale="log", xlabel="C (inverse regularisation strength)")
    axes[0].set(ylabel="ROC-AUC", title="The folds differ more than the values of C …")
    axes[1].set(ylabel=f"ROC-AUC minus that at C = {c_values[best]:g}", title="… so we compare within folds")
    axes[0].annotate(
        "mean", (c_values[best], scores[best].mean()), xytext=(0, 7), textcoords="offset points", color=BLUE
    )
    return figure


def plot_study(table: pd.DataFrame) -> Figure:
    """AUC of each trial minus that of the first trial, on the folds that the trial completed; `table` has `gain`."""
    figure, ax = plt.subplots(figsize=(9, 3.2))
    kept, pruned = table[~table["pruned"]], table[table["pruned"]]
    ax.axhline(0, color=GREY, linewidth=1)
    ax.scatter(pruned.index, pruned["gain"], s=30, facecolors="none", edgecolors=GREY, label="pruned")
    ax.scatter(kept.index, kept["gain"], s=30, color=BLUE, label="all folds")
    ax.step(kept.index, kept["gain"].cummax(), where="post", color=ORANGE, label="best so far")
    ax.set(
        xlabel="trial", ylabel="ROC-AUC minus that of trial 0", ylim=(max(-0.006, table["gain"].min() - 0.0005), None)
    )
    ax.set_title("Most trials are no better than the first")
    ax.legend(fontsize=9, loc="lower right")
    return figure


def plot_differences(differences: dict[str, np.ndarray], intervals: dict[str, tuple], baseline: str) -> Figure:
    """AUC minus that of `baseline`, fold by fold, for each model, with the mean and its interval."""
    figure, ax = plt.subplots(figsize=(9, 0.7 * len(differences) + 1.2))
    for row, (name, values) in enumerate(differences.items()):
        mean, low, high = intervals[name]
        ax.scatter(values, np.full(len(values), row) + 0.22, s=16, color=GREY, alpha=0.6)
        ax.plot([low, high], [row, row], color=BLUE, linewidth=3)
        ax.plot(mean, row, "o", color=BLUE, markersize=8)
    ax.axvline(0, color=RED, linewidth=1)
    ax.text(0, -0.45, f" {baseline}", color=RED, fontsize=9, va="top")
    ax.set_yticks(range(len(differences)), list(differences))
    ax.set(xlabel=f"paired difference in ROC-AUC from {baseline}", ylim=(len(differences) - 0.5, -0.5))
    ax.set_title("Paired differences from the best candidate (grey: one dot per fold)")
    return figure


def plot_calibration(table: pd.DataFrame, probs: np.ndarray, labels: pd.Series) -> Figure:
    """Left: observed churn rate against predicted probability; right: histograms of the predictions by outcome."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.7))
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    left.text(0.84, 0.88, "calibrated", color="dimgrey", fontsize=9, ha="right")
    margins = [table["observed"] - table["low"], table["high"] - table["observed"]]
    left.errorbar(table["predicted"], table["observed"], yerr=margins, fmt="o", color=BLUE, capsize=3)
    left.set(xlabel="predicted probability of churn", ylabel="observed churn rate", xlim=(-0.03, 1), ylim=(-0.03, 1))
    left.set_title("Predicted and observed rates are close")
    for label, colour, name in ((0, BLUE, "stayed"), (1, ORANGE, "churned")):
        right.hist(probs[labels == label], bins=40, range=(0, 1), color=colour, alpha=0.6, label=name)
    right.set(xlabel="predicted probability of churn", ylabel="customers", xlim=(0, 1))
    right.set_title("Predictions by outcome")
    right.legend()
    return figure


def plot_net_revenue(table: pd.DataFrame, best: pd.Series, break_even: float) -> Figure:
    """Net revenue by threshold, with the maximum and the threshold that follows from the costs (`break_even`)."""
    figure, ax = plt.subplots(figsize=(8, 3.4))
    ax.plot(table["threshold"], table["net_revenue"], color=BLUE)
    ax.axvline(break_even, color=GREY, linestyle="--", linewidth=1)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.plot(best["threshold"], best["net_revenue"], "o", color=RED, markersize=9)
    ax.annotate(
        f"{best['net_revenue']:.2f} at {best['threshold']:.2f}, {best['offered']:.0%} get an offer",
        (best["threshold"], best["net_revenue"]), xytext=(0, 12), textcoords="offset points", color=RED,
    )  # fmt: skip
    low, high = min(table["net_revenue"].min(), 0), table["net_revenue"].max()
    ax.set(xlabel="threshold", ylabel="net revenue per customer", ylim=(low - 0.1 * high, 1.3 * high))
    ax.set_title("A wide range of thresholds earns nearly the same")
    ax.text(break_even, high * 0.25, " break-even", color="dimgrey", fontsize=9)
    return figure


def plot_permutations(score: float, shuffled: np.ndarray) -> Figure:
    """AUCs of models trained on shuffled labels, and that of the model trained on the real ones."""
    figure, ax = plt.subplots(figsize=(8, 2.7))
    ax.hist(shuffled, bins=20, color=GREY)
    ax.axvline(score, color=GREEN)
    ax.text(score, ax.get_ylim()[1] * 0.9, "real labels ", ha="right", va="top", color=GREEN)
    ax.text(shuffled.max() + 0.005, ax.get_ylim()[1] * 0.5, "shuffled labels", color="dimgrey")
    ax.set(
        xlabel="ROC-AUC",
        ylabel="number of models",
        xlim=(0.4, 0.9),
        title="Training on shuffled labels gives an AUC near 0.5",
    )
    return figure
