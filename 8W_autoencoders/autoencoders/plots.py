"""The figures of week 8. Faces come as bytes or as floats in [0, 1], (n, S, S, 3)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)


def plot_histories(histories: dict[str, list[dict]], part: str = "loss", title: str = "Loss") -> Figure:
    """A part of the objective by epoch: training dotted, validation solid, a colour a network."""
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
        epochs = range(1, len(history) + 1)
        ax.plot(epochs, [row[part] for row in history], ":", color=colour, label=f"{name}, training")
        ax.plot(epochs, [row[f"validation {part}"] for row in history], color=colour, label=f"{name}, validation")
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


def plot_strengths(tables: dict[str, dict[str, pd.DataFrame]], chosen: dict[str, tuple[str, float]]) -> Figure:
    """By strength: how often an attribute is read, and how much either band changes; a row an attribute.

    `tables` hold for each attribute and way to find a direction what `edits.try_strengths` gave; `chosen` the way that
    is used and its strength.
    """
    figure, axes = plt.subplots(len(tables), 3, figsize=(11, 2.9 * len(tables)), squeeze=False, sharex=True)
    for line, (name, ways) in zip(axes, tables.items(), strict=True):
        for number, (way, table) in enumerate(ways.items()):
            kind = {"linestyle": ("-", ":")[number // 2], "linewidth": (1.6, 2.6)[number // 2]}
            look = {"color": COLOURS[number % 2], "label": way, **kind}
            for ax, column in zip(line, table.columns, strict=True):
                ax.plot(table.index, table[column], **look)
        highest = max(float(table.drop(columns="read").to_numpy().max()) for table in ways.values())
        for ax, column in zip(line, table.columns, strict=True):
            ax.axvline(chosen[name][1], color=GREY, linestyle="--", linewidth=1)
            ax.set(title=f"{name}: {column if column == 'read' else f'change of the {column}'}")
            ax.set_ylim((-0.02, 1.04) if column == "read" else (0, 1.05 * highest))
            ax.set_ylabel("share of the faces" if column == "read" else "mean change")
    for ax in axes[-1]:
        ax.set_xlabel("strength")
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
