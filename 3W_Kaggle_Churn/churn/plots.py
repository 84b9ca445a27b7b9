"""The figures of week 3 that look at the data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from churn.data import CATEGORICAL, NUMERIC
from coursework.figures import BLUE, GREY, ORANGE, heat_map

STAYED, LEFT = BLUE, ORANGE
UNITS = {"ClientPeriod": "months", "MonthlySpending": "a month", "TotalSpent": "in all"}


def plot_numbers(data: pd.DataFrame, labels: pd.Series) -> Figure:
    """Above, a histogram of each number for both kinds of customer; below, its box plot by target."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 5.2), height_ratios=(2, 1), sharex="col")
    for column, (above, below) in zip(NUMERIC, axes.T, strict=True):
        groups = [data[column][labels == label] for label in (0, 1)]
        edges = np.linspace(data[column].min(), data[column].max(), 31)
        for values, colour, name in zip(groups, (STAYED, LEFT), ("stayed", "left"), strict=True):
            above.hist(values, bins=edges, density=True, color=colour, alpha=0.55, label=name)
        boxes = below.boxplot(
            groups, orientation="horizontal", widths=0.6, patch_artist=True, tick_labels=("stayed", "left")
        )
        for box, colour in zip(boxes["boxes"], (STAYED, LEFT), strict=True):
            box.set(facecolor=colour, alpha=0.55)
        plt.setp(boxes["medians"], color="black")
        above.set(title=column, yticks=[], ylabel="share of each" if column == NUMERIC[0] else "")
        below.set(xlabel=UNITS[column])
    axes[0, 0].legend()
    return figure


def plot_pairs(data: pd.DataFrame, labels: pd.Series) -> Figure:
    """Every pair of numbers as points, and each alone as a density, by target."""
    table = data[NUMERIC].assign(customer=labels.map({0: "stayed", 1: "left"}))
    with plt.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.pairplot(
            table, hue="customer", hue_order=["stayed", "left"], palette=[STAYED, LEFT], height=2.3, aspect=1.2,
            plot_kws={"s": 6, "alpha": 0.35, "linewidth": 0}, diag_kws={"common_norm": False, "cut": 0}, corner=True,
        )  # fmt: skip
    sns.move_legend(grid, "upper right", bbox_to_anchor=(0.75, 0.95), frameon=False, markerscale=4)
    return grid.figure


def plot_product(data: pd.DataFrame) -> Figure:
    """Left, correlations of the numbers; right, TotalSpent against ClientPeriod times MonthlySpending."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(1.15, 1), gridspec_kw={"wspace": 0.12})
    product = data["ClientPeriod"] * data["MonthlySpending"]
    table = data[NUMERIC].assign(**{"period × spending": product}).corr()
    heat_map(left, table.to_numpy(), list(table.index), [name.replace(" × ", "\n× ") for name in table.columns], ".2f")
    left.tick_params(axis="x", labelsize=8)
    left.set_title("Correlation")
    right.scatter(product, data["TotalSpent"], s=5, alpha=0.3, color=BLUE)
    right.plot([0, product.max()], [0, product.max()], color=GREY, linewidth=1)
    right.set(xlabel="ClientPeriod × MonthlySpending", ylabel="TotalSpent", title="One column too many")
    return figure


def plot_categories(data: pd.DataFrame, labels: pd.Series) -> Figure:
    """Counts of every category of every column by target, with the share that left."""
    figure, axes = plt.subplots(4, 4, figsize=(12.4, 10.6), sharex=True)
    for ax, column in zip(axes.flat, CATEGORICAL, strict=True):
        counts = pd.crosstab(data[column], labels).reindex(columns=[0, 1], fill_value=0)
        counts = counts.loc[counts.sum(axis=1).sort_values().index]
        names = [
            str(name).replace(" (automatic)", "").replace(" internet service", " internet") for name in counts.index
        ]
        ax.barh(names, counts[0], color=STAYED, label="stayed")
        ax.barh(names, counts[1], left=counts[0], color=LEFT, label="left")
        for row, (stayed, left) in enumerate(counts.to_numpy()):
            ax.text((stayed + left) * 1.02, row, f"{left / (stayed + left):.0%}", va="center", fontsize=9)
        ax.set_title(column, fontsize=10)
        ax.tick_params(axis="y", labelsize=9)
        ax.grid(visible=False)
        ax.margins(x=0.16)
    axes[0, 0].legend(loc="lower right", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("customers")
    return figure
