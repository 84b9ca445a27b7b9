"""The figures of week 11: pictures with boxes, statistics of them, targets, and how detectors are judged."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED, YELLOW
from hardhat.data import CLASSES, Picture
from hardhat.detector import read_square

COLOURS = {"helmet": GREEN, "head": RED, "person": YELLOW}
PALETTE = (BLUE, ORANGE, GREEN, RED, GREY)


def draw_boxes(ax: Axes, boxes: np.ndarray, names, style: str = "-", width: float = 1.6) -> None:
    """Boxes (n, 4), each in the colour of its name."""
    for (left, top, right, bottom), name in zip(boxes, names, strict=True):
        line = {"edgecolor": COLOURS[name], "linestyle": style, "linewidth": width}
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **line))


def show_picture(ax: Axes, picture: Picture, side: int) -> float:
    """A picture fitted into a square; returns what its boxes have to be multiplied by."""
    ax.imshow(read_square(picture.path, side))
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return side / max(picture.width, picture.height)


def plot_pictures(
    pictures: list[Picture],
    found: list[dict] | None = None,
    score: float = 0.0,
    columns: int = 4,
    titles: list[str] | None = None,
    side: int = 416,
) -> Figure:
    """Pictures with the boxes that are true, dotted if there are those `found` beside them, above `score`, solid."""
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.8 * columns, (3.0 if titles else 2.8) * rows), squeeze=False)
    for ax in axes.flat[len(pictures) :]:
        ax.axis("off")
    for place, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        scale = show_picture(ax, picture, side)
        draw_boxes(ax, scale * picture.boxes, picture.names, "-" if found is None else ":")
        if found is not None:
            keep = found[place]["scores"] >= score
            names = [CLASSES[label] for label in found[place]["labels"][keep]]
            draw_boxes(ax, scale * found[place]["boxes"][keep], names)
        if titles:
            ax.set_title(titles[place], fontsize=9, fontweight="normal", loc="center", pad=3)
    return figure


def plot_statistics(collections: dict[str, list[Picture]]) -> Figure:
    """How many objects a picture has, how high they are, and where they are; a row of places a collection."""
    figure, axes = plt.subplots(1, 2 + len(collections), figsize=(3.6 + 2.9 * (1 + len(collections)), 3.4))
    for colour, (name, pictures) in zip(PALETTE, collections.items(), strict=False):
        number = [len(picture.of(*CLASSES).names) for picture in pictures]
        edges = np.arange(0, 25) - 0.5
        axes[0].hist(np.minimum(number, 23), edges, density=True, histtype="step", color=colour, label=name, lw=2)
        boxes = relative_boxes(pictures)
        heights = 416 * (boxes[:, 3] - boxes[:, 1])
        axes[1].hist(heights, np.geomspace(6, 200, 24), density=True, histtype="step", color=colour, label=name, lw=2)
    axes[0].set(title="Heads a picture", xlabel="heads (23: or more)", ylabel="density")
    axes[1].set(title="Height of a head", xlabel="pixels, of a picture of 416", xscale="log")
    axes[1].set_xticks([8, 16, 32, 64, 128], ["8", "16", "32", "64", "128"])
    axes[1].minorticks_off()
    axes[0].legend()
    for ax, (name, pictures) in zip(axes[2:], collections.items(), strict=True):
        boxes = relative_boxes(pictures)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        ax.hist2d(*middles.T, bins=20, range=((0, 1), (0, 1)), cmap="viridis")
        ax.invert_yaxis()
        ax.set(title=f"Where: {name}", xticks=[], yticks=[])
        ax.set_box_aspect(1)
        ax.grid(visible=False)
    return figure


def relative_boxes(pictures: list[Picture]) -> np.ndarray:
    """Boxes of all heads, (n, 4), as shares of their picture's longer side."""
    rows = [picture.of(*CLASSES).boxes / max(picture.width, picture.height) for picture in pictures]
    return np.concatenate([*rows, np.empty((0, 4))])


def plot_radius(height: float, width: float, radius: float, overlaps: dict[str, float]) -> Figure:
    """A box, and the three ways in which both its corners may be off by `radius`, with what they share."""
    moves = {"both inwards": (1, -1), "both outwards": (-1, 1), "one of each": (1, 1)}
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.9))
    for ax, (name, (first, second)) in zip(axes, moves.items(), strict=True):
        ax.add_patch(Rectangle((0, 0), width, height, facecolor=BLUE, alpha=0.25))
        left, right = first * radius, width + second * radius
        top, bottom = first * radius, height + second * radius
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=RED, linewidth=2))
        ax.set_title(f"{name}: IoU {overlaps[name]:.2f}", fontsize=10, loc="center")
        ax.set(xlim=(-1.2 * radius, width + 1.2 * radius), ylim=(height + 1.2 * radius, -1.2 * radius))
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return figure


def lay_heat(ax: Axes, heat: np.ndarray, side: int) -> None:
    """Lay a map of 0 to 1 over a picture, which it hides where it is high."""
    cover = np.clip(0.45 + heat, 0, 1)
    ax.imshow(heat, extent=(0, side, side, 0), cmap="magma", alpha=cover, vmin=0, vmax=1)


def plot_targets(picture: Picture, target: dict[str, np.ndarray], side: int) -> Figure:
    """A picture with its boxes, the map of each class that the head is to give for it, and the largest bump near by."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.4))
    wanted = picture.of(*CLASSES)
    scale = show_picture(axes[0], picture, side)
    draw_boxes(axes[0], scale * wanted.boxes, wanted.names)
    axes[0].set_title("what is there", loc="center")
    for ax, name, heat in zip(axes[1:], ("helmets", "bare heads"), target["heat"], strict=False):
        show_picture(ax, picture, side)
        lay_heat(ax, heat, side)
        ax.set_title(f"target for {name}", loc="center")
    plot_bump(axes[-1], target)
    return figure


def plot_bump(ax: Axes, target: dict[str, np.ndarray], reach: int = 3) -> None:
    """The cells around the middle of the largest box, with their values."""
    row, column = np.unravel_index(target["size"].prod(axis=0).argmax(), target["weight"].shape[1:])
    heat = np.pad(target["heat"].max(axis=0), reach)[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
    ax.imshow(heat, cmap="magma", vmin=0, vmax=1)
    for (y, x), value in np.ndenumerate(heat):
        if value > 0:
            ax.text(
                x, y, f"{value:.2f}", ha="center", va="center", fontsize=8, color="black" if value > 0.6 else "white"
            )
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.set_title("the largest head, cell by cell", loc="center")


def plot_heat(pictures: list[Picture], heats: list[np.ndarray], side: int) -> Figure:
    """Pictures in a row, and below each the maps (2, H, W) that a detector gives for it."""
    figure, axes = plt.subplots(3, len(pictures), figsize=(2.8 * len(pictures), 8.2), squeeze=False)
    for column, (picture, heat) in enumerate(zip(pictures, heats, strict=True)):
        show_picture(axes[0, column], picture, side)
        for ax, level in zip(axes[1:, column], heat, strict=True):
            show_picture(ax, picture, side)
            lay_heat(ax, level, side)
    for ax, name in zip(axes[:, 0], ("picture", *CLASSES), strict=True):
        ax.set_ylabel(name)
    return figure


def plot_histories(histories: dict[str, list[dict]]) -> Figure:
    """Loss and, if all of them were watched, mAP on the validation part by epoch; a colour a training."""
    scores = all("map" in row for history in histories.values() for row in history)
    figure, axes = plt.subplots(1, 2 if scores else 1, figsize=(10 if scores else 6, 3.4), squeeze=False)
    for colour, (name, history) in zip(PALETTE, histories.items(), strict=False):
        epochs = range(1, len(history) + 1)
        loss = np.array([row["loss"] for row in history])
        axes[0, 0].plot(epochs, loss / loss[0], color=colour, label=name)
        if scores:
            axes[0, 1].plot(epochs, [row["map"] for row in history], color=colour, label=name)
    axes[0, 0].set(title="Loss, of that of the first epoch", xlabel="epoch", yscale="log")
    axes[0, 0].yaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.3, 0.5, 1]))
    axes[0, 0].yaxis.set_major_formatter("{x:g}")
    axes[0, 0].yaxis.set_minor_locator(NullLocator())
    if len(histories) > 1:
        axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    if scores:
        axes[0, 1].set(title="mAP on the validation part", xlabel="epoch")
    return figure


def plot_curves(curves: dict[str, pd.DataFrame], score: float) -> Figure:
    """Precision against recall of each class at an IoU of 0.5; the dot is at `score`."""
    figure, ax = plt.subplots(figsize=(5.2, 4))
    for name, curve in curves.items():
        ax.plot(curve["recall"], curve["precision"], color=COLOURS[name], label=name)
        at = curve[curve["score"] >= score].tail(1)
        ax.plot(at["recall"], at["precision"], "o", color=COLOURS[name])
    ax.set(title=f"Precision and recall; dots at {score:g}", xlabel="recall", ylabel="precision")
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(loc="lower left")
    return figure


def plot_confidence(table: pd.DataFrame) -> Figure:
    """The share of detections that are right, by their score, with their number; from `evaluate.by_score`."""
    figure, ax = plt.subplots(figsize=(6, 3.6))
    ax.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    ax.plot(table["mean score"], table["right"], "o-", color=BLUE)
    for row in table.itertuples():
        ax.annotate(
            f"{row.number:,.0f}", (row[2], row.right), (0, 7), textcoords="offset points", fontsize=8, ha="center"
        )
    ax.set(title="How often a detection is right", xlabel="score", ylabel="share that is right", ylim=(-0.03, 1.12))
    return figure


def plot_kinds(kinds: dict[str, dict[str, int]]) -> Figure:
    """How many detections are right, and of what kind the others are; a bar a detector."""
    table = pd.DataFrame(kinds)
    figure, ax = plt.subplots(figsize=(9, 3.2))
    height = 0.8 / len(table.columns)
    for place, (colour, name) in enumerate(zip(PALETTE, table.columns, strict=False)):
        rows = np.arange(len(table)) + place * height
        bars = ax.barh(rows, table[name], height, color=colour, label=name)
        ax.bar_label(bars, padding=3, fontsize=8)
    ax.set_yticks(np.arange(len(table)) + 0.4 - height / 2, table.index)
    ax.set_title("What detections are, and what was missed")
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    if len(table.columns) > 1:
        ax.legend()
    return figure


def plot_sizes(tables: dict[str, pd.DataFrame]) -> Figure:
    """AP50 by the height of a head, with the number of heads of each bin; a colour a class."""
    figure, ax = plt.subplots(figsize=(7.5, 3.4))
    width = 0.8 / len(tables)
    for place, (name, table) in enumerate(tables.items()):
        spots = np.arange(len(table)) + place * width
        bars = ax.bar(spots, table["AP50"].fillna(0), width, color=COLOURS[name], label=name)
        ax.bar_label(bars, [f"{number:.0f}" for number in table["number"]], padding=2, fontsize=8)
    ax.set_xticks(np.arange(len(table)) + 0.4 - width / 2, [f"{name} px" for name in table.index])
    ax.set(title="AP50 by the height of the head; numbers are heads", ylim=(0, 1.1))
    ax.grid(visible=False, axis="x")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_recipes(table: pd.DataFrame) -> Figure:
    """AP50 of both classes by recipe, with intervals; columns are name, name low, name high."""
    figure, ax = plt.subplots(figsize=(8, 1.2 + 0.6 * len(table)))
    for shift, name in zip((-0.12, 0.12), CLASSES, strict=True):
        rows = np.arange(len(table)) + shift
        spread = [table[name] - table[f"{name} low"], table[f"{name} high"] - table[name]]
        ax.errorbar(table[name], rows, xerr=spread, fmt="o", color=COLOURS[name], capsize=3, label=name)
    ax.set_yticks(range(len(table)), table.index)
    ax.set(title="AP50 on photographs never seen, with 95 % intervals", xlim=(0, 1), ylim=(len(table) - 0.5, -0.5))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_alarms(truth: list[bool], alarms: list[bool], fps: int) -> Figure:
    """By time, whether somebody without a helmet is there, and whether there was an alarm."""
    figure, ax = plt.subplots(figsize=(9, 1.9))
    times = np.arange(len(truth)) / fps
    for level, (name, values, colour) in enumerate((("alarm", alarms, RED), ("is there", truth, GREY))):
        ax.fill_between(times, level, level + 0.8 * np.array(values, float), step="post", color=colour, linewidth=0)
        ax.text(-0.01, level + 0.4, name, transform=ax.get_yaxis_transform(), ha="right", va="center")
    ax.set(title="Somebody without a helmet", xlabel="seconds", yticks=[])
    ax.set(ylim=(0, 2), xlim=(0, times[-1] + 1 / fps))
    return figure
