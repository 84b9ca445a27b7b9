"""The figures of week 2."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED

COLOURS = [BLUE, ORANGE, GREEN, RED]


def plot_descents(paths: dict[str, tuple[np.ndarray, np.ndarray]], function: Callable) -> Figure:
    """For each learning rate, its path (points (n, 2), values (n,)) as arrows on the contours of `function`."""
    figure, axes = plt.subplots(1, len(paths), figsize=(3.7 * len(paths), 3.7), sharey=True)
    axis = np.linspace(-1.8, 1.8, 120)
    grid = np.array(np.meshgrid(axis, axis))
    for ax, (name, (points, values)) in zip(axes, paths.items(), strict=True):
        ax.contourf(*grid, function(grid), levels=12, cmap="Blues", alpha=0.8)
        moves = np.diff(points, axis=0)
        ax.quiver(*points[:-1].T, *moves.T, color=ORANGE, angles="xy", scale_units="xy", scale=1, width=0.012, zorder=3)
        ax.plot(*points.T, "o", color=ORANGE, markersize=2.5)
        ax.plot(*points[0], "ko", markersize=6)
        ax.annotate("start", points[0], (-6, -3), textcoords="offset points", ha="right")
        ax.set(title=f"learning rate {name}: ends at f = {values[-1]:.2g}", xlabel="$x_1$", aspect="equal")
        ax.grid(visible=False)
    axes[0].set_ylabel("$x_2$")
    return figure


def plot_sigmoid(sigmoid: Callable, log_loss: Callable) -> Figure:
    """The sigmoid, and the log loss of one row with label 0 or 1, as functions of the logit."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
    z = np.linspace(-6, 6, 200)
    left.plot(z, sigmoid(z), color=BLUE)
    left.axhline(0.5, color=GREY, linewidth=1, linestyle=":")
    left.set(xlabel="logit z", ylabel="probability of class 1", title="The sigmoid maps logits to probabilities")
    for label, colour, place in ((1, ORANGE, (-3.6, 4.2)), (0, GREEN, (1.9, 4.2))):
        right.plot(z, [log_loss(logit, label) for logit in z], color=colour)
        right.text(*place, f"label {label}", color=colour)
    right.set(xlabel="logit z", ylabel="log loss", title="Confident mistakes have a large loss")
    return figure


def plot_losses(history: list[dict], weights: np.ndarray) -> Figure:
    """Left: the training loss after each epoch. Right: the weights (784,) as an image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(1.6, 1))
    left.plot([row["loss"] for row in history], "o-", color=BLUE)
    left.set(xlabel="epoch", ylabel="training log loss", title="The loss still falls after ten epochs", yscale="log")
    limit = np.abs(weights).max()
    image = right.imshow(weights.reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    right.set(title="Weights of the pixels", xticks=[], yticks=[])
    right.grid(visible=False)
    figure.colorbar(image, ax=right, label="weight (positive: ink indicates a 1)")
    return figure


def plot_curves(curves: dict[str, list[float] | pd.Series], ylabel: str, title: str, log: bool = False) -> Figure:
    """A value by epoch for several models, each labelled at its end; a list starts with the value before training."""
    figure, ax = plt.subplots(figsize=(7.5, 3.4))
    ax.set(xlabel="epoch", ylabel=ylabel, title=title, yscale="log" if log else "linear")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    curves = {name: pd.Series(values) for name, values in curves.items()}
    for values, colour in zip(curves.values(), COLOURS, strict=False):
        ax.plot(values, "o-", markersize=3, color=colour)
    ax.margins(x=0.02)
    ax.autoscale_view()
    ends = {name: (values.index[-1], values.iloc[-1]) for name, values in curves.items()}
    heights = {name: 72 / figure.dpi * ax.transData.transform(end)[1] for name, end in ends.items()}  # in points
    lowest = -np.inf
    for name in sorted(heights, key=heights.get):  # from the lowest up, so that no label covers another
        lowest = max(heights[name], lowest + 12)
        colour, offset = COLOURS[list(curves).index(name)], (6, lowest - heights[name])
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        ax.annotate(name, ends[name], offset, textcoords="offset points", va="center", color=colour, bbox=box)
    return figure


def plot_penalties(soft_threshold: Callable) -> Figure:
    """Left: what one step of L1 and of L2 does to a weight. Right: the loss, and the set in which weights may lie."""
    figure, (left, *rights) = plt.subplots(1, 3, figsize=(11.5, 3.7))
    w = np.linspace(-1, 1, 200)
    left.plot(w, w, color=GREY, linestyle=":", linewidth=1)
    left.plot(w, soft_threshold(w, 0.3), color=ORANGE)
    left.plot(w, w / 1.3, color=BLUE)
    left.text(0.05, -0.2, "L1: soft threshold", color=ORANGE)
    left.text(-0.95, 0.12, "L2: shrinkage", color=BLUE)
    left.set(xlabel="weight before", ylabel="weight after", title="One proximal step")
    centre = np.array([0.35, 1.6])
    grid = np.meshgrid(np.linspace(-1.4, 2.4, 200), np.linspace(-1.4, 2.4, 200))
    loss = (grid[0] - centre[0]) ** 2 + (grid[1] - centre[1]) ** 2
    angles = np.linspace(0, 2 * np.pi, 200)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    shapes = {
        "L1": (np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]), np.array([0.0, 1.0]), ORANGE, "$w_1$ becomes zero"),
        "L2": (circle, centre / np.linalg.norm(centre), BLUE, "no weight becomes zero"),
    }
    for ax, (name, (edge, best, colour, verdict)) in zip(rights, shapes.items(), strict=True):
        touching = ((best - centre) ** 2).sum()
        ax.contour(*grid, loss, levels=touching * np.array([0.15, 1, 2.5, 5, 9]), colors=GREY, linewidths=0.9)
        ax.fill(*edge.T, color=colour, alpha=0.3)
        ax.plot(*best, "o", color=colour, markersize=8)
        ax.set(title=f"{name}: {verdict}", xlabel="$w_1$", ylabel="$w_2$", aspect="equal")
        ax.grid(visible=False)
    return figure


def plot_validation(alphas: np.ndarray, losses: pd.DataFrame, by_epoch: pd.DataFrame, stopped: int) -> Figure:
    """Left: training and validation loss by strength of the penalty. Right: the same by epoch, without a penalty."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    for ax, x, rows in ((left, alphas, losses), (right, by_epoch.index, by_epoch)):
        for name, colour in (("training", BLUE), ("validation", ORANGE)):
            ax.plot(x, rows[name], "o-", markersize=3, color=colour, label=name)
        ax.set(ylabel="log loss")
        ax.legend()
    best = losses["validation"].argmin()
    left.axvline(alphas[best], color=GREY, linestyle="--")
    left.set(xlabel="α", xscale="log", title=f"Validation curve: lowest at α = {alphas[best]:.2g}")
    right.axvline(stopped, color=GREY, linestyle="--")
    right.set(xlabel="epoch", title=f"Early stopping: lowest after epoch {stopped}")
    return figure


def plot_regions(models: dict[str, tuple]) -> Figure:
    """For each (model, points, labels), the plane coloured by what the model predicts, paler where it is less sure."""
    figure, axes = plt.subplots(1, len(models), figsize=(3.7 * len(models), 3.7), sharey=True, squeeze=False)
    axis = np.linspace(-6.5, 6.5, 240)
    grid = np.meshgrid(axis, axis)
    points = np.column_stack([part.ravel() for part in grid])
    for ax, (title, (model, X, y)) in zip(axes[0], models.items(), strict=True):
        chances = model.predict_proba(points)
        colours = np.array([to_rgb(colour) for colour in COLOURS[: chances.shape[1]]])
        sure = (chances.max(axis=1, keepdims=True) - 1 / chances.shape[1]) / (1 - 1 / chances.shape[1])
        shade = 1 - 0.75 * sure * (1 - colours[chances.argmax(axis=1)])
        ax.imshow(shade.reshape(*grid[0].shape, 3), extent=(-6.5, 6.5, -6.5, 6.5), origin="lower")
        for label, colour in zip(np.unique(y), COLOURS, strict=False):
            ax.scatter(*X[y == label].T, s=14, color=colour, edgecolor="white", linewidth=0.5)
        ax.set(title=title, xlabel="$x_1$")
        ax.grid(visible=False)
    axes[0, 0].set_ylabel("$x_2$")
    figure.suptitle("The boundaries between classes are straight lines", fontsize=12, fontweight="bold")
    return figure


def plot_digits(images: np.ndarray, titles: list[str]) -> Figure:
    """A row of images, shape (n, 784) or (n, 28, 28), grey on white, each under its title."""
    columns = min(len(images), 10)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.15 * columns, 1.4 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(image.reshape(28, 28), cmap="gray_r")
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_zeros(curves: dict[str, pd.DataFrame], weights: dict[str, np.ndarray], zeros: int) -> Figure:
    """Left: weights that are exactly 0 after each epoch. Right: the sizes of all weights, largest first."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    for (name, curve), colour in zip(curves.items(), (BLUE, RED), strict=True):
        left.plot(curve.index, curve["zeros"], "o-", markersize=4, color=colour, label=name)
        if name == "proximal":
            left.plot(curve.index[-1], curve["zeros"].iloc[-1], "*", markersize=14, color=colour)
            left.annotate("full-batch step", (curve.index[-1], curve["zeros"].iloc[-1]), (-4, -18),
                          textcoords="offset points", ha="right", color=colour)  # fmt: skip
        sizes = np.sort(np.abs(weights[name].ravel()))[::-1]
        width = 4 if name == "proximal" else 1.5  # the thinner curve lies upon the other
        right.plot(np.where(sizes > 0, sizes, np.nan), color=colour, label=name, linewidth=width)
    left.axhline(zeros, color=GREY, linestyle="--", label="at the minimum")
    left.set(xlabel="epoch", ylabel="number of weights", title="Weights that are exactly 0", ylim=(-20, zeros * 1.1))
    right.set(xlabel="weight, largest first", ylabel="|w|", title="Magnitudes after training", yscale="log")
    right.set_xlim(-10, next(iter(weights.values())).size)
    right.text(0.98, 0.9, "a curve ends where weights are exactly 0", transform=right.transAxes, ha="right", fontsize=9)
    right.legend(loc="lower left")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.52))
    return figure


def plot_races(races: dict[str, pd.DataFrame]) -> Figure:
    """Relative gap to the minimum by seconds of training, for several solvers."""
    figure, ax = plt.subplots(figsize=(7.5, 4))
    for (name, points), colour in zip(races.items(), (BLUE, ORANGE, RED, GREEN), strict=True):
        ax.plot(points["seconds"], points["gap"], "o-", markersize=4, color=colour, label=name)
    ax.axhline(0.01, color=GREY, linestyle="--", linewidth=1)
    ax.set(xlabel="seconds of training", ylabel="$(F - F^*) / F^*$", xscale="log", yscale="log")
    ax.set_title("Distance from the minimum by training time")
    ax.legend(fontsize=9)
    return figure


def plot_confusion(counts: np.ndarray, accuracy: float) -> Figure:
    """The confusion matrix; the colours show errors only."""
    mistakes = counts - np.diag(np.diag(counts))
    figure, ax = plt.subplots(figsize=(5.6, 4.8))
    image = ax.imshow(mistakes, cmap="Oranges")
    for (row, column), value in np.ndenumerate(counts):
        dark = mistakes[row, column] > mistakes.max() / 2
        ax.text(column, row, value, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ax.set_xticks(range(len(counts)))
    ax.set_yticks(range(len(counts)))
    ax.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix, accuracy {accuracy:.1%}")
    ax.grid(visible=False)
    figure.colorbar(image, label="errors")
    return figure


def plot_path(pictures: list[np.ndarray], names: list[str], examples: np.ndarray) -> Figure:
    """The weights (K, 28, 28) of each strength as a row of images, below one example (784,) of each class."""
    columns = len(examples)
    figure, axes = plt.subplots(len(pictures) + 1, columns, figsize=(1.06 * columns, 1.12 * (len(pictures) + 1)))
    for ax, image in zip(axes[0], examples, strict=True):
        ax.imshow(image.reshape(28, 28), cmap="gray_r")
    limit = np.quantile(np.abs(pictures[0]), 0.999) or 1.0  # one colour scale, set by the weakest penalty
    for row, weights in zip(axes[1:], pictures, strict=True):
        for ax, picture in zip(row, weights, strict=True):
            ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    for ax, name in zip(axes[:, 0], ["an example", *names], strict=True):
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle("A stronger L1 penalty keeps fewer pixels", fontsize=12, fontweight="bold")
    return figure
