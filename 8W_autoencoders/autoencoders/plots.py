"""The figures of week 8. Faces come as bytes or as floats in [0, 1], (n, S, S, 3)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)


def plot_rows(rows: dict[str, np.ndarray], size: float = 0.95, titles: list[str] | None = None) -> Figure:
    """Rows of pictures of the same length, each with its name at the left."""
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(size * columns + 1.2, size * len(rows) + 0.3), squeeze=False
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.grid(visible=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=False):
            axis.imshow(
                image.squeeze(),
                cmap="gray_r" if image.squeeze().ndim == 2 else None,
                vmin=0,
                vmax=1 if image.dtype != np.uint8 else None,
            )
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for axis, title in zip(axes[0], titles or [], strict=False):
        axis.set_title(title, fontsize=9, fontweight="normal", loc="center", pad=3)
    return figure


def plot_histories(histories: dict[str, list[dict]], part: str = "loss", title: str = "Loss") -> Figure:
    """A part of the objective by epoch: training dotted, validation solid, a colour a network."""
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
        epochs = range(1, len(history) + 1)
        ax.plot(epochs, [row[part] for row in history], ":", color=colour)
        ax.plot(epochs, [row[f"validation {part}"] for row in history], color=colour, label=name)
    ax.set(title=title, xlabel="epoch")
    ax.legend()
    return figure


def plot_nats(history: list[dict]) -> Figure:
    """Both terms of the bound by epoch, in nats a digit."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
    epochs = range(1, len(history) + 1)
    for ax, part, title in ((left, "reconstruction", "Reconstruction, nats"), (right, "kl", "KL divergence, nats")):
        ax.plot(epochs, [row[part] for row in history], ":", color=BLUE, label="training")
        ax.plot(epochs, [row[f"validation {part}"] for row in history], color=BLUE, label="validation")
        ax.set(title=title, xlabel="epoch")
    left.legend()
    return figure


def plot_tiles(images: np.ndarray, size: float = 6.0) -> Figure:
    """A square of pictures without gaps: (rows, columns, S, S) or (rows, columns, S, S, 3)."""
    rows, columns, side = images.shape[:3]
    tiled = images.swapaxes(1, 2).reshape(rows * side, columns * side, *images.shape[4:])
    figure, ax = plt.subplots(figsize=(size, size * rows / columns))
    ax.imshow(tiled, cmap="gray_r", vmin=0, vmax=1)
    ax.axis("off")
    return figure


def plot_points(points: np.ndarray, labels: np.ndarray, title: str) -> Figure:
    """Codes in the plane, a colour a digit, the digit written at the middle of its cloud."""
    figure, ax = plt.subplots(figsize=(6.4, 5.4))
    colours = plt.get_cmap("tab10")
    for digit in np.unique(labels):
        cloud = points[labels == digit]
        ax.scatter(*cloud.T, s=4, color=colours(int(digit)), alpha=0.5, linewidths=0)
        disc = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "alpha": 0.75, "edgecolor": "none"}
        middle = np.median(cloud, axis=0)
        ax.text(*middle, str(digit), fontsize=14, fontweight="bold", ha="center", va="center", bbox=disc)
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(visible=False)
    return figure


def plot_strengths(tables: dict[str, pd.DataFrame], chosen: dict[str, float]) -> Figure:
    """How often an attribute is read, and how much changes where, by strength; a panel an attribute."""
    figure, axes = plt.subplots(1, len(tables), figsize=(3 * len(tables), 3.2), sharey=True, squeeze=False)
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        for colour, column in zip(COLOURS, table.columns, strict=False):
            ax.plot(table.index, table[column], marker="o", color=colour, label=column)
        ax.axvline(chosen[name], color=GREY, linestyle="--", linewidth=1)
        ax.set(title=name, xlabel="strength", ylim=(0, 1.02))
    axes[0, 0].set_ylabel("share")
    axes[0, 0].legend(fontsize=9)
    return figure


def plot_found(queries: np.ndarray, found: np.ndarray, right: np.ndarray, size: float = 0.95) -> Figure:
    """Queries at the left, (m, S, S, 3), what was found beside them, (m, k, S, S, 3); green frames are right."""
    rows, columns = right.shape
    figure, axes = plt.subplots(rows, columns + 1, figsize=(size * (columns + 1), size * rows), squeeze=False)
    for line, query, images, hits in zip(axes, queries, found, right, strict=True):
        for place, (ax, image) in enumerate(zip(line, (query, *images), strict=True)):
            ax.imshow(image)
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            colour = GREY if place == 0 else GREEN if hits[place - 1] else RED
            for spine in ax.spines.values():
                spine.set(visible=True, color=colour, linewidth=3)
    return figure
