"""The figures of vae_digits.ipynb."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, ORANGE, PURPLE, RED

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE)


def plot_elbo(history: list[dict], passes: int) -> Figure:
    """The negative ELBO and its terms against passes over the training set; one epoch of the history is `passes`."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2))
    steps = passes * np.arange(1, len(history) + 1)
    titles = {"loss": "Negative ELBO", "reconstruction": "Reconstruction loss", "kl": "KL divergence"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        ax.plot(steps, [row[name] for row in history], ":", color=BLUE, label="training")
        ax.plot(steps, [row[f"validation {name}"] for row in history], color=BLUE, label="validation")
        ax.set(title=title, xlabel="passes over the training set", ylabel="nats per image")
    axes[0].legend()
    return figure


def plot_bounds(bounds: dict[str, dict[int, float]]) -> Figure:
    """Upper bounds of -log p against the number of samples per image, a line for each network."""
    figure, ax = plt.subplots(figsize=(7, 3.6))
    for colour, (name, values) in zip(COLOURS, bounds.items(), strict=False):
        samples, nats = list(values), list(values.values())
        ax.semilogx(samples, nats, "o-", color=colour)
        ax.annotate(name, (samples[0], nats[0]), (6, 4), textcoords="offset points", color=colour)
    ax.set(title="More samples tighten the bound", xlabel="importance samples per image", ylabel="nats per image")
    return figure


def plot_latents(points: np.ndarray, labels: np.ndarray, title: str) -> Figure:
    """Latents in the plane, (n, 2), a colour for each digit, which is written at the median of its points."""
    figure, ax = plt.subplots(figsize=(6.4, 5.4))
    colours = plt.get_cmap("tab10")
    for digit in np.unique(labels):
        cloud = points[labels == digit]
        ax.scatter(*cloud.T, s=4, color=colours(int(digit)), alpha=0.5, linewidths=0)
        disc = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "alpha": 0.75, "edgecolor": "none"}
        ax.text(
            *np.median(cloud, axis=0), str(digit), fontsize=14, fontweight="bold", ha="center", va="center", bbox=disc
        )
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(visible=False)
    return figure


def plot_rate_distortion(rows: dict[str, dict[str, float]], kl: dict[str, np.ndarray]) -> Figure:
    """Left: reconstruction loss against KL divergence, a point per β; right: KL divergence of each latent, sorted."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for colour, (name, row) in zip(COLOURS, rows.items(), strict=False):
        left.plot(row["kl"], row["reconstruction"], "o", color=colour)
        left.annotate(name, (row["kl"], row["reconstruction"]), (7, 3), textcoords="offset points", color=colour)
        right.plot(np.arange(1, len(kl[name]) + 1), kl[name], color=colour, label=name)
    left.set(title="Distortion against rate", xlabel="KL divergence, nats", ylabel="reconstruction loss, nats")
    left.margins(0.2)
    right.set(title="KL divergence of each latent", xlabel="latent, sorted", ylabel="nats")
    right.legend()
    return figure


def plot_deviations(table: pd.DataFrame, selected: float) -> Figure:
    """Digits classified as requested against diversity; a row of the table, and a dot, per standard deviation."""
    figure, ax = plt.subplots(figsize=(6.4, 3.4))
    ax.plot(table["diversity"], table["as requested"], "o-", color=BLUE, markersize=4)
    for deviation, row in table.iterrows():
        weight = "bold" if deviation == selected else "normal"
        place = row["diversity"], row["as requested"]
        ax.annotate(f"σ = {deviation:g}", place, (6, 3), textcoords="offset points", fontsize=9, fontweight=weight)
    ax.margins(x=0.15, y=0.15)
    ax.yaxis.set_major_formatter("{x:.1%}")
    ax.set(title="Cleaner digits are less diverse", xlabel="diversity, relative to real digits", ylabel="as requested")
    return figure
