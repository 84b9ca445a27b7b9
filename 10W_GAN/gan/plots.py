"""The figures of week 10. Images are bytes (n, S, S, 3)."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from PIL import Image, ImageDraw

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED
from coursework.images import join_tiles
from gan.levers import BASE, OURS, THEIRS

GROUPS = {"": GREY, THEIRS: BLUE, OURS: ORANGE}


def plot_histories(histories: dict[str, list[dict]], batch: int, real_spread: float) -> Figure:
    """How each pair's game went, against the real images seen: KID, variety, who is told apart, gradients.

    `real_spread` is the variety of real images.
    """
    panels = {
        "kid": "KID of a few images",
        "spread": "how much images differ",
        "told_apart": "real above generated",
        "gradient_g": "length of the generator's gradient",
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(12, 2.9))
    for ax, (part, title) in zip(axes, panels.items(), strict=True):
        for colour, (name, history) in zip((ORANGE, BLUE, GREEN), histories.items(), strict=False):
            seen = [row["step"] * batch / 1000 for row in history]
            ax.plot(seen, [row[part] for row in history], color=colour, label=name)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("thousand images seen")
    for ax in (axes[0], axes[3]):
        ax.set_yscale("log")
    for ax, value in ((axes[1], real_spread), (axes[2], 0.5)):
        ax.axhline(value, color=GREY, linestyle=":", linewidth=1)
    axes[1].legend(fontsize=9)
    return figure


def plot_levers(table: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """KID of every lever, the best above; a dot a seed, a stroke their mean, a line the interval of its change."""
    whole = table[table["broken"] == 0]
    figure, ax = plt.subplots(figsize=(9, 0.27 * len(table) + 1))
    for place, (name, row) in enumerate(whole.iterrows()):
        colour, edges = GROUPS[row["whose"]], row["kid"] * np.array([1 / row["±"], row["±"]])
        ax.plot(edges, [place, place], color=colour, linewidth=6, alpha=0.25, solid_capstyle="butt")
        ax.plot(row["kid"], place, "|", color=colour, markersize=11, markeredgewidth=2)
        dots = runs.loc[runs["lever"] == name, "kid"]
        ax.plot(dots, np.full(len(dots), place), "o", color=colour, markersize=4)
    for place, name in enumerate(table.index[table["broken"] > 0], start=len(whole)):
        ax.text(
            0, place, f" broke down: {name}", va="center", fontsize=9, color=RED, transform=ax.get_yaxis_transform()
        )
    if BASE in whole.index:
        ax.axvline(whole.loc[BASE, "kid"], color=GREY, linestyle="--", linewidth=1)
    ax.set_yticks(range(len(table)), [*whole.index, *([""] * (len(table) - len(whole)))], fontsize=9)
    ax.set(xlabel="KID, smaller is better", xscale="log", ylim=(len(table) - 0.4, -0.6))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    for whose, colour in GROUPS.items():
        ax.plot([], [], "o", color=colour, markersize=5, label=whose or "base")
    ax.legend(loc="lower left", fontsize=9)
    return figure


def plot_ladder(values: dict[str, tuple[float, float]], marked: set[str]) -> Figure:
    """A number for each rung and for what was generated, with its interval; `marked` are the generated ones."""
    names = sorted(values, key=lambda name: values[name][0])
    figure, ax = plt.subplots(figsize=(8, 0.34 * len(names) + 0.9))
    for place, name in enumerate(names):
        value, half = values[name]
        colour = ORANGE if name in marked else GREY
        ax.barh(place, value, xerr=half, color=colour, alpha=0.8, height=0.65, error_kw={"elinewidth": 1})
        ax.text(max(value + half, 0), place, f"  {value:z.3f}", va="center", fontsize=9)
    ax.set_yticks(range(len(names)), names, fontsize=10)
    ax.set(xlabel="KID, smaller is better", ylim=(len(names) - 0.4, -0.6))
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    return figure


def plot_maps(maps: dict[str, np.ndarray], real: int) -> Figure:
    """Points of t-SNE, a panel a kind of vector: the first `real` rows are real images, the rest generated."""
    figure, axes = plt.subplots(1, len(maps), figsize=(4.2 * len(maps), 3.6), squeeze=False)
    for ax, (name, points) in zip(axes[0], maps.items(), strict=True):
        ax.scatter(*points[:real].T, s=7, color=BLUE, alpha=0.6, linewidths=0, label="real")
        ax.scatter(*points[real:].T, s=7, color=ORANGE, alpha=0.6, linewidths=0, label="generated")
        ax.set(title=name, xticks=[], yticks=[])
        ax.grid(visible=False)
    axes[0, 0].legend(markerscale=2.5)
    return figure


def plot_shares(shares: pd.DataFrame) -> Figure:
    """How often each attribute is there, in the data and in what was generated; a row an attribute."""
    figure, ax = plt.subplots(figsize=(7.5, 3))
    places = np.arange(len(shares))
    for shift, (name, colour) in zip((-0.2, 0.2), zip(shares.columns, (BLUE, ORANGE), strict=True), strict=True):
        ax.bar(places + shift, shares[name], 0.38, color=colour, label=name)
    ax.set_xticks(places, shares.index, fontsize=9)
    ax.set(ylabel="share of the faces")
    ax.grid(axis="x", visible=False)
    ax.legend()
    return figure


def film(samples: np.ndarray, seen: list[int], columns: int = 4, width: int = 360) -> bytes:
    """What a training drew, (periods, k, S, S, 3), as an animated GIF with the thousands of images seen."""
    frames = []
    for images, number in zip(samples, seen, strict=True):
        rows = len(images) // columns
        sheet = join_tiles(images.reshape(rows, columns, *images.shape[1:]))
        picture = Image.fromarray(sheet).resize((width, width * rows // columns), Image.Resampling.LANCZOS)
        ImageDraw.Draw(picture).text(
            (6, 4), f"{number / 1000:.0f}k images seen", "white", stroke_width=1, stroke_fill=0
        )
        frames.append(picture.quantize(128, dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    pauses = [220] * (len(frames) - 1) + [1800]  # milliseconds
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=pauses, loop=0, optimize=True)
    return buffer.getvalue()
