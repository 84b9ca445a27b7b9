"""The figures of the notebooks about faces. Images are uint8 or floats in [0, 1], (n, S, S, 3)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)


def plot_loss(history: list[dict], name: str = "loss", title: str = "Mean squared error") -> Figure:
    """A loss of each epoch, for training and validation."""
    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    epochs = range(1, len(history) + 1)
    ax.plot(epochs, [row[name] for row in history], ":", color=BLUE, label="training")
    ax.plot(epochs, [row[f"validation {name}"] for row in history], color=BLUE, label="validation")
    ax.set(title=title, xlabel="epoch")
    ax.legend()
    return figure


def plot_levels(curves: dict[str, dict[float, float]], xlabel: str) -> Figure:
    """PSNR against the level of a corruption, a line for each method, with its name at the end."""
    figure, ax = plt.subplots(figsize=(7, 3.6))
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        levels, decibels = list(values), list(values.values())
        ax.plot(levels, decibels, "o-", color=colour, markersize=4)
        ax.annotate(name, (levels[-1], decibels[-1]), (6, -3), textcoords="offset points", color=colour, fontsize=9)
    ax.margins(x=0.25)
    ax.set(title="PSNR against the level of noise", xlabel=xlabel, ylabel="PSNR, dB")
    return figure


def plot_retrieved(queries: np.ndarray, found: np.ndarray, hits: np.ndarray, size: float = 1.0) -> Figure:
    """Queries (m, S, S, 3) in the left column, the results (m, k, S, S, 3) beside them; hits have a green frame."""
    rows, columns = hits.shape
    figure, axes = plt.subplots(rows, columns + 1, figsize=(size * (columns + 1), size * rows), squeeze=False)
    for line, query, images, right in zip(axes, queries, found, hits, strict=True):
        colours = [GREY, *(GREEN if hit else RED for hit in right)]
        for ax, image, colour in zip(line, (query, *images), colours, strict=True):
            ax.imshow(image)
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            for spine in ax.spines.values():
                spine.set(visible=True, color=colour, linewidth=3)
    axes[0, 0].set_title("query", fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_curves(curves: dict[str, dict[str, pd.DataFrame]], references: dict[str, float], target: float) -> Figure:
    """Identity kept against attribute found, a panel for each attribute, a line for each method; dots are step sizes.

    `references` are the identity rates of the originals, `target` the rate at which methods are compared.
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(5.5 * len(curves), 3.8), sharey=True, squeeze=False)
    for ax, (attribute, methods) in zip(axes[0], curves.items(), strict=True):
        for colour, (name, table) in zip(COLOURS, methods.items(), strict=False):
            ax.plot(table["attribute"], table["identity"], "o-", color=colour, markersize=4, label=name)
        ax.axvline(target, color=GREY, linestyle=":", linewidth=1)
        ax.axhline(references[attribute], color=GREY, linestyle="--", linewidth=1)
        ax.set(title=attribute.capitalize(), xlabel="fraction classified as having the attribute")
        ax.set(xlim=(-0.03, 1.03), ylim=(0, 1))
    axes[0, 0].set_ylabel("same person in the top 5")
    axes[0, 0].legend(fontsize=9)
    return figure


def plot_code_sizes(errors: dict[str, dict[int, float]]) -> Figure:
    """Mean squared error against the number of latents, a line for each method."""
    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    for colour, (name, values) in zip(COLOURS, errors.items(), strict=False):
        ax.loglog(list(values), list(values.values()), "o-", color=colour)
        ax.annotate(name, next(iter(values.items())), (6, 4), textcoords="offset points", color=colour)
    sizes = list(next(iter(errors.values())))
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set(title="Reconstruction error by code size", xlabel="latents", ylabel="mean squared error, test images")
    return figure
