"""The figures of week 1; each takes computed values and returns the matplotlib figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW
from knn.data import CLASSES
from knn.evaluate import growth_exponent

CLASS_COLOURS = dict(zip(CLASSES, [BLUE, GREEN, ORANGE, SKY, YELLOW, PURPLE, RED], strict=True))
LINE_STYLES = {"distance": "-", "uniform": "--"}
METRIC_COLOURS = {"manhattan": BLUE, "euclidean": ORANGE, "chebyshev": GREEN}


PLANE = ["Horizontal_Distance_To_Roadways", "Elevation"]


def plot_query(features: pd.DataFrame, labels: pd.Series, row: int, ks=(1, 5, 15)) -> Figure:
    """Left: one row, its neighbours in two scaled features, and the distances to the k-th. Right: the unit balls."""
    scaled = StandardScaler().fit_transform(features[PLANE])
    query, others = scaled[row], np.delete(scaled, row, axis=0)
    classes = np.delete(labels.to_numpy(), row)
    distances = np.linalg.norm(others - query, axis=1)
    order = np.argsort(distances)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
    radius = distances[order[max(ks) - 1]]
    shown = distances < 1.9 * radius
    left.scatter(*others[shown].T, s=35, c=[CLASS_COLOURS[key] for key in classes[shown]], edgecolors="white")
    left.plot(*query, "k*", markersize=15)
    lines, angles = [], dict(zip(ks, np.linspace(200, 20, len(ks)), strict=True))  # of the labels
    for k in ks:
        left.add_patch(Circle(query, distances[order[k - 1]], fill=False, color=GREY, linewidth=1.2))
        angle = np.deg2rad(angles[k])
        edge = query + distances[order[k - 1]] * np.array([np.cos(angle), np.sin(angle)])
        left.annotate(f"k = {k}", edge, 1.3 * radius * np.array([np.cos(angle), np.sin(angle)]) + query,
                      fontsize=9, arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8})  # fmt: skip
        votes = pd.Series(classes[order[:k]]).value_counts()
        lines.append(f"k = {k}: " + ", ".join(f"{count} {CLASSES[key]}" for key, count in votes.items()))
    for key in np.unique(classes[shown]):
        left.scatter([], [], s=35, color=CLASS_COLOURS[key], label=CLASSES[key])
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=8, columnspacing=1, handletextpad=0)
    left.set_ylim(query[1] - 2 * radius, query[1] + 2.9 * radius)
    left.text(0.02, 0.98, "\n".join(lines), transform=left.transAxes, va="top", fontsize=9)
    left.xaxis.set_major_locator(MaxNLocator(4))
    left.set(
        title="More neighbours, other votes",
        xlabel="distance to road, scaled",
        ylabel="elevation, scaled",
    )
    right.add_patch(Circle((0, 0), 1, fill=False, color=METRIC_COLOURS["euclidean"], linewidth=2))
    diamond = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    right.add_patch(Polygon(diamond, fill=False, color=METRIC_COLOURS["manhattan"], linewidth=2))
    right.text(0, 0.45, "Manhattan", color=METRIC_COLOURS["manhattan"], ha="center")
    right.text(0.75, 0.8, "Euclidean", color=METRIC_COLOURS["euclidean"])
    right.set(title="All points at distance 1", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xlabel="$x_1$", ylabel="$x_2$")
    for ax in (left, right):
        ax.set_aspect("equal")
        ax.grid(visible=False)
    return figure


def plot_fit_curve(curve: pd.DataFrame) -> Figure:
    """Accuracy on training rows and on held-out rows against k, columns training and test, k on a log scale."""
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    for name, colour in (("training", BLUE), ("test", ORANGE)):
        ax.semilogx(curve.index, curve[name], "o-", color=colour)
        ax.annotate(name, (curve.index[0], curve[name].iloc[0]), (10, 0), textcoords="offset points", color=colour)
    ax.set(
        xlabel="number of neighbours k",
        ylabel="accuracy",
        xticks=curve.index,
        title="Training accuracy overestimates test accuracy",
    )
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.minorticks_off()
    return figure


def plot_confusion(counts: np.ndarray) -> Figure:
    """The confusion matrix (7, 7) of classes 1 to 7 as fractions of each true class, with counts, and the recall."""
    figure, ax = plt.subplots(figsize=(8.2, 4.8))
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(counts / totals, cmap="Blues", vmin=0, vmax=1)
    for (true, predicted), count in np.ndenumerate(counts):
        dark = count > 0.5 * totals[true, 0]
        ax.text(predicted, true, count, ha="center", va="center", fontsize=9, color="white" if dark else "black")
    recall = [f"{name}: recall {counts[k, k] / totals[k, 0]:.0%}" for k, name in enumerate(CLASSES.values())]
    ax.set_yticks(range(len(CLASSES)), recall)
    ax.set_xticks(
        range(len(CLASSES)), [name.replace(" and ", "\nand ") for name in CLASSES.values()], rotation=40, ha="right"
    )
    ax.set(xlabel="predicted", ylabel="true", title="The three rarest classes have the lowest recall")
    ax.grid(visible=False)
    figure.colorbar(image, label="fraction of the true class")
    return figure


def plot_territories(features: pd.DataFrame, labels: pd.Series, ks=(1, 15, 100), shown: int = 500) -> Figure:
    """The class that kNN with each k predicts on the plane of two features, with `shown` of the training rows.

    Both features are scaled to unit variance, so that neither dominates the distance; one vote each.
    """
    horizontal, vertical = pair = PLANE
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


def plot_grid(scores: pd.DataFrame, rows: int, folds: int) -> Figure:
    """Accuracy against k for every metric and weighting; the band is one standard error over the folds."""
    figure, ax = plt.subplots(figsize=(9, 4.2))
    for metric, weights in scores["mean"].max(axis=1).sort_values(ascending=False).index:
        mean, std = scores.loc[(metric, weights), "mean"], scores.loc[(metric, weights), "std"]
        colour, error = METRIC_COLOURS[metric], std / np.sqrt(folds - 1)  # std has ddof 0
        label = f"{metric}, {weights} weights"
        ax.plot(mean.index, mean, LINE_STYLES[weights], color=colour, marker="o", markersize=4, label=label)
        ax.fill_between(mean.index, (mean - error).astype(float), (mean + error).astype(float), color=colour, alpha=0.1)
    (metric, weights), k = scores["mean"].max(axis=1).idxmax(), scores["mean"].max(axis=0).idxmax()
    best = scores.loc[(metric, weights), ("mean", k)]
    ax.annotate(
        f"best: {best:.4f}", (k, best), xytext=(18, 6), textcoords="offset points", arrowprops={"arrowstyle": "->"}
    )
    ax.set(xlabel="number of neighbours k", ylabel="accuracy", xticks=scores["mean"].columns)
    ax.set_title(f"Manhattan distance and distance weights are best ({folds} folds, {rows:,} rows)")
    ax.legend(loc="lower left", fontsize=9, handlelength=3)
    return figure


def plot_frequencies(mean_probability: pd.Series, labels) -> Figure:
    """Mean predicted probability, a series indexed by class, beside each class's true share among `labels`."""
    true = pd.Series(labels).value_counts(normalize=True).reindex(mean_probability.index, fill_value=0)
    places = np.arange(len(true))
    figure, ax = plt.subplots(figsize=(9, 3.8))
    both = ((-0.2, true, GREY, "class frequency"), (0.2, mean_probability, BLUE, "mean probability"))
    for offset, values, colour, name in both:
        bars = ax.bar(places + offset, values, width=0.38, color=colour, label=name)
        ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=2)
    ax.set_xticks(places, [f"{key}\n{CLASSES[key]}".replace(" and ", " and\n") for key in true.index], fontsize=9)
    ax.set(ylabel="fraction of the hold-out set", title="Mean predicted probabilities match class frequencies")
    ax.grid(axis="x", visible=False)
    ax.legend()
    return figure


def plot_scaling(shares: pd.DataFrame, searches: pd.DataFrame) -> Figure:
    """Left: what the distance to the nearest neighbour consists of. Right: accuracy minus raw, for each fold."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.6), sharey=True)
    start = np.zeros(len(shares))
    for group, colour in zip(shares.columns, (SKY, BLUE, GREY, GREEN, ORANGE), strict=True):
        bars = left.barh(shares.index, shares[group], left=start, color=colour, label=group, height=0.6)
        labels = [f"{value:.0f}" if value > 6 else "" for value in shares[group]]
        ink = "black" if colour in (SKY, ORANGE) else "white"
        left.bar_label(bars, labels, label_type="center", color=ink, fontsize=9)
        start += shares[group]
    left.set(title="Parts of the distance", xlabel="fraction of the Manhattan distance")
    left.xaxis.set_major_formatter(PercentFormatter())
    left.invert_yaxis()
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    for place, folds in enumerate(searches["folds"]):
        gains = folds - searches["folds"].iloc[0]
        right.plot(gains, np.full(len(gains), place), "o", color=GREY, alpha=0.6, markersize=5)
        right.plot(gains.mean(), place, "D", color=RED, markersize=8)
        text = {"xytext": (0, 9), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        right.annotate(f"{searches['accuracy'].iloc[place]:.3f}", (gains.mean(), place), **text)
    right.axvline(0, color=GREY, linewidth=1)
    right.set(
        title="Two changes of scale raise the accuracy", xlabel="accuracy minus that of raw features (grey: folds)"
    )
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
    left.set(title="Accuracy grows with the training rows", ylabel="accuracy on the same queries")
    right.set(title="Query time", ylabel="milliseconds per query, one thread")
    return figure
