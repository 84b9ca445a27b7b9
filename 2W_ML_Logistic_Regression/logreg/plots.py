"""The figures of week 2."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED
from logreg.descent import surface

COLOURS = [BLUE, ORANGE, GREEN, RED]


def plot_descents(walks: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Each walk (points (n, 2), heights (n,)) on the surface, and its height step by step."""
    figure = plt.figure(figsize=(11, 4.6))
    left = figure.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
    right = figure.add_subplot(1, 2, 2)
    axis = np.linspace(-1.7, 1.7, 80)
    grid = np.array(np.meshgrid(axis, axis))
    left.plot_surface(
        *grid, surface(grid), cmap="Blues", alpha=0.55, rcount=40, ccount=40, edgecolor="white", linewidth=0.2
    )
    for (name, (points, heights)), colour in zip(walks.items(), (GREEN, ORANGE, RED), strict=True):
        left.plot(*points.T, heights + 0.02, "o-", color=colour, markersize=5, linewidth=2, zorder=10)
        right.plot(heights, "o-", color=colour, markersize=4, label=name)
    left.set(xlabel="$x_1$", ylabel="$x_2$", zlim=(0, 2), xticks=(-1, 0, 1), yticks=(-1, 0, 1), zticks=(0, 1, 2))
    left.set_title("Paths on the surface")
    left.view_init(elev=52, azim=-120)
    left.set_box_aspect((1, 1, 0.5), zoom=1.1)
    right.set(xlabel="step", ylabel="$f(x)$", title="Height at each step", xticks=range(0, len(heights), 5))
    right.legend(title="learning rate", loc="center right")
    return figure


def plot_batch_losses(losses: np.ndarray) -> Figure:
    """The objective on every batch, shape (epochs, batches), and its mean over each epoch, on a log scale."""
    epochs, batches = losses.shape
    figure, ax = plt.subplots(figsize=(9, 3.4))
    ax.plot(np.arange(losses.size) / batches, losses.ravel(), color=BLUE, alpha=0.35, linewidth=0.8, label="each batch")
    ax.plot(np.arange(epochs) + 0.5, losses.mean(axis=1), "o-", color=ORANGE, label="mean of the epoch")
    ax.set(xlabel="epoch", ylabel="loss with penalty", title="Loss on each batch", yscale="log")
    ax.legend()
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
        sizes = np.sort(np.abs(weights[name].ravel()))[::-1]
        right.plot(np.where(sizes > 0, sizes, np.nan), color=colour, label=name)
    left.axhline(zeros, color=GREY, linestyle="--", label="at the minimum")
    left.set(xlabel="epoch", ylabel="weights", title="Weights that are exactly 0", ylim=(-20, zeros * 1.1))
    right.set(xlabel="weight, largest first", ylabel="|w|", title="Sizes after training", yscale="log")
    right.set_xlim(-10, next(iter(weights.values())).size)
    right.text(0.98, 0.9, "a curve ends where weights are exactly 0", transform=right.transAxes, ha="right", fontsize=9)
    right.legend(loc="lower left")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.52))
    return figure


def plot_gaps(curves: dict[str, pd.DataFrame], races: dict[str, pd.DataFrame]) -> Figure:
    """Relative gap to the optimum: by epoch for variants of ours, and by seconds for several solvers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    for (name, curve), colour in zip(curves.items(), (BLUE, GREEN, ORANGE, RED), strict=False):
        left.plot(curve.index, curve["gap"], color=colour, label=name)
    for (name, points), colour in zip(races.items(), (BLUE, ORANGE, RED, GREEN), strict=True):
        right.plot(points["seconds"], points["gap"], "o-", markersize=4, color=colour, label=name)
    for ax in (left, right):
        ax.axhline(0.01, color=GREY, linestyle="--", linewidth=1)
        ax.set(yscale="log")
        ax.legend(fontsize=9)
    left.set(xlabel="epoch", ylabel="$(f - f^*) / f^*$", title="Ours, epoch by epoch")
    right.set(xlabel="seconds of training", xscale="log", title="Against other solvers")
    return figure


def plot_confusion(counts: np.ndarray, accuracy: float) -> Figure:
    """How often digit i was taken for digit j; the right answers are left out of the colours."""
    mistakes = counts - np.diag(np.diag(counts))
    figure, ax = plt.subplots(figsize=(5.6, 4.8))
    image = ax.imshow(mistakes, cmap="Oranges")
    for (row, column), value in np.ndenumerate(counts):
        dark = mistakes[row, column] > mistakes.max() / 2
        ax.text(column, row, value, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ax.set_xticks(range(len(counts)))
    ax.set_yticks(range(len(counts)))
    ax.set(xlabel="taken for", ylabel="digit", title=f"Test digits, {accuracy:.1%} right")
    ax.grid(visible=False)
    figure.colorbar(image, label="mistakes")
    return figure


def plot_path(pictures: list[np.ndarray], names: list[str], examples: np.ndarray) -> Figure:
    """The weights (K, 28, 28) of each strength as a row of pictures, below one example (784,) of each class."""
    columns = len(examples)
    figure, axes = plt.subplots(len(pictures) + 1, columns, figsize=(1.06 * columns, 1.12 * (len(pictures) + 1)))
    for ax, image in zip(axes[0], examples, strict=True):
        ax.imshow(image.reshape(28, 28), cmap="gray_r")
    for row, weights in zip(axes[1:], pictures, strict=True):
        limit = np.quantile(np.abs(weights), 0.995) or 1.0
        for ax, picture in zip(row, weights, strict=True):
            ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    for ax, name in zip(axes[:, 0], ["an example", *names], strict=True):
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return figure
