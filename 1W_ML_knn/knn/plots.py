"""The figures of week 1; each takes computed values and returns the matplotlib figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter, ScalarFormatter
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW, heat_map
from knn.data import CLASSES
from knn.evaluate import growth_exponent

CLASS_COLOURS = dict(zip(CLASSES, [BLUE, GREEN, ORANGE, SKY, YELLOW, PURPLE, RED], strict=True))
LINE_STYLES = {"distance": "-", "uniform": "--"}
METRIC_COLOURS = {"manhattan": BLUE, "euclidean": ORANGE, "chebyshev": GREEN}


def plot_territories(features: pd.DataFrame, labels: pd.Series, ks=(1, 15, 100), shown: int = 500) -> Figure:
    """What kNN with each k would say anywhere on the plane of two features, with some of the rows that it knows.

    The two features share a scale of one standard deviation each, so that neither decides alone; one vote each.
    `shown` is how many known rows are drawn.
    """
    horizontal, vertical = pair = ["Horizontal_Distance_To_Roadways", "Elevation"]
    ks = [k for k in ks if k <= len(features)]
    low, high = features[pair].quantile(0.005), features[pair].quantile(0.995)
    grid = np.meshgrid(*(np.linspace(low[name], high[name], 220) for name in pair))
    plane = pd.DataFrame({name: values.ravel() for name, values in zip(pair, grid, strict=True)})
    figure, axes = plt.subplots(1, len(ks), figsize=(11, 4.6), sharey=True, squeeze=False)
    colours = ListedColormap(list(CLASS_COLOURS.values()))
    inside = ((features[pair] >= low) & (features[pair] <= high)).all(axis=1)
    known = features[pair].assign(label=labels)[inside].iloc[:shown]
    for ax, k in zip(axes[0], ks, strict=True):
        model = make_pipeline(StandardScaler(), KNeighborsClassifier(k)).fit(features[pair], labels)
        said = model.predict(plane).reshape(grid[0].shape)
        ax.imshow(
            said, origin="lower", aspect="auto", cmap=colours, vmin=0.5, vmax=7.5, alpha=0.45, interpolation="nearest",
            extent=(low[horizontal], high[horizontal], low[vertical], high[vertical]),
        )  # fmt: skip
        ax.scatter(
            known[horizontal],
            known[vertical],
            s=12,
            c=known["label"].map(CLASS_COLOURS),
            edgecolors="white",
            linewidths=0.3,
        )
        ax.set(title=f"k = {k}", xlabel="distance to the nearest road, m")
        ax.grid(visible=False)
    axes[0, 0].set_ylabel("elevation, m")
    marks = [Line2D([], [], marker="o", ls="", color=CLASS_COLOURS[key], label=CLASSES[key]) for key in CLASSES]
    figure.legend(handles=marks, loc="outside lower center", ncols=7, fontsize=9, handletextpad=0.1, columnspacing=1)
    return figure


def plot_logistic(scores: np.ndarray, strengths: tuple[float, ...]) -> Figure:
    """Heat map of the logistic regression's grid; scores of shape (2, len(strengths)), rows L1 and L2."""
    figure, ax = plt.subplots(figsize=(6, 2.2))
    heat_map(ax, scores, ["L1", "L2"], [f"C = {c:g}" for c in strengths], ".4f")
    ax.set_title("logistic regression, mean accuracy over folds")
    return figure


def plot_grid(scores: pd.DataFrame, rows: int, folds: int) -> Figure:
    """Accuracy against k for every metric and weighting; the band is one standard error over the folds."""
    figure, ax = plt.subplots(figsize=(9, 4.2))
    for metric, weights in scores["mean"].max(axis=1).sort_values(ascending=False).index:
        mean, std = scores.loc[(metric, weights), "mean"], scores.loc[(metric, weights), "std"]
        colour, error = METRIC_COLOURS[metric], std / np.sqrt(folds)
        label = f"{metric}, {'by distance' if weights == 'distance' else 'one vote each'}"
        ax.plot(mean.index, mean, LINE_STYLES[weights], color=colour, marker="o", markersize=4, label=label)
        ax.fill_between(mean.index, (mean - error).astype(float), (mean + error).astype(float), color=colour, alpha=0.1)
    (metric, weights), k = scores["mean"].max(axis=1).idxmax(), scores["mean"].max(axis=0).idxmax()
    best = scores.loc[(metric, weights), ("mean", k)]
    ax.annotate(
        f"best: {best:.4f}", (k, best), xytext=(18, 6), textcoords="offset points", arrowprops={"arrowstyle": "->"}
    )
    ax.set(xlabel="neighbours k", ylabel="accuracy", xticks=scores["mean"].columns)
    ax.set_title(f"{scores['mean'].size} candidates, {folds} folds, {rows:,} rows")
    ax.legend(loc="lower left", fontsize=9, handlelength=3)
    return figure


def plot_frequencies(mean_probability: pd.Series, labels) -> Figure:
    """Mean predicted probability, a series indexed by class, beside each class's true share among `labels`."""
    true = pd.Series(labels).value_counts(normalize=True).reindex(mean_probability.index, fill_value=0)
    places = np.arange(len(true))
    figure, ax = plt.subplots(figsize=(9, 3.8))
    both = ((-0.2, true, GREY, "true share"), (0.2, mean_probability, BLUE, "mean probability"))
    for offset, values, colour, name in both:
        bars = ax.bar(places + offset, values, width=0.38, color=colour, label=name)
        ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=2)
    ax.set_xticks(places, [f"{key}\n{CLASSES[key]}".replace(" and ", " and\n") for key in true.index], fontsize=9)
    ax.set(ylabel="share of the hold-out", title="what kNN expects, and what is there")
    ax.grid(axis="x", visible=False)
    ax.legend()
    return figure


def plot_scaling(shares: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Left: what distances are made of behind each scaler, in percent. Right: the accuracy of each fold."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    start = np.zeros(len(shares))
    for group, colour in zip(shares.columns, (SKY, BLUE, GREY, GREEN, ORANGE), strict=True):
        bars = left.barh(shares.index, shares[group], left=start, color=colour, label=group, height=0.6)
        labels = [f"{value:.0f}" if value > 6 else "" for value in shares[group]]
        ink = "black" if colour in (SKY, ORANGE) else "white"
        left.bar_label(bars, labels, label_type="center", color=ink, fontsize=9)
        start += shares[group]
    left.set(title="what a distance is made of", xlabel="share of the manhattan distance between random rows")
    left.xaxis.set_major_formatter(PercentFormatter())
    left.invert_yaxis()
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    for place, name in enumerate(scores):
        right.plot(scores[name], np.full(len(scores), place), "o", color=GREY, alpha=0.6, markersize=5)
        right.plot(scores[name].mean(), place, "D", color=RED, markersize=8)
        text = {"xytext": (0, 9), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        right.annotate(f"{scores[name].mean():.4f}", (scores[name].mean(), place), **text)
    right.set(title="and what comes of it", xlabel="accuracy: each fold (grey), mean (red)")
    return figure


def plot_cost(curve: pd.DataFrame) -> Figure:
    """Left: accuracy against the number of training rows. Right: time of a query, both axes logarithmic."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    colours = dict(zip(curve["method"].unique(), (GREY, BLUE, ORANGE), strict=True))
    for name, points in curve.groupby("method", sort=False):
        exponent = growth_exponent(points["n"], points["milliseconds"])
        label = rf"{name}: grows as $n^{{{exponent:.2f}}}$"
        right.loglog(points["n"], points["milliseconds"], "o-", color=colours[name], label=label)
        if name != "all distances":  # as exact as the tree, so the curves would cover each other
            style = "o-" if name == "k-d tree" else "o--"
            left.semilogx(
                points["n"], points["accuracy"], style, color=colours[name], label=name.replace("k-d tree", "exact")
            )
    for ax in (left, right):
        ax.set(xlabel="training rows n", xticks=curve["n"].unique())
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.minorticks_off()
        ax.legend(fontsize=9)
    left.set(title="more rows, better neighbours (the curves coincide)", ylabel="accuracy on the same queries")
    right.set(title="and what they cost", ylabel="milliseconds a query, one thread")
    return figure
