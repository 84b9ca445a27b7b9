"""The figures of week 6."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from coursework.figures import BLUE, GREEN, GREY, ORANGE, RED, heat_map, image_grid
from simpsons.augment import CHANGES, build_augmentation
from simpsons.train import first_candidate

COLOURS = {"scratch": GREY, "frozen": ORANGE, "fine-tuned": BLUE}


def nice(name: str) -> str:
    """A folder's name as a person's."""
    return name.replace("_", " ").title()


def plot_counts(train: np.ndarray, test: np.ndarray | None, classes: list[str]) -> Figure:
    """Pictures a class, from most to fewest, with a logarithmic axis for the tail."""
    order = np.argsort(-train, kind="stable")
    figure, ax = plt.subplots(figsize=(11, 4))
    ax.bar(range(len(classes)), train[order], color=BLUE, label="training")
    if test is not None:
        ax.plot(range(len(classes)), test[order], "o", color=ORANGE, markersize=4, label="test")
    ax.set_xticks(range(len(classes)), [nice(classes[k]) for k in order], rotation=90, fontsize=8)
    ax.set(yscale="log", ylabel="pictures", xlim=(-0.7, len(classes) - 0.3))
    ax.grid(visible=False, axis="x")
    ax.legend()
    return figure


def plot_sheet(images: np.ndarray, labels: np.ndarray, classes: list[str], columns: int = 11) -> Figure:
    """One picture of every class: the one with the most contrast, which is rarely dark or hidden."""
    contrast = images.std(axis=(1, 2, 3))
    best = [int(np.argmax(np.where(labels == number, contrast, -1))) for number in range(len(classes))]
    return image_grid(images[best], [textwrap.fill(nice(name), 14) for name in classes], columns, size=1.13)


def plot_augmentation(image: np.ndarray, columns: int = 6) -> Figure:
    """One picture under each change, a change a row, and under all of them together."""
    chains = {**CHANGES, "all": build_augmentation()}
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)
    figure, axes = plt.subplots(len(chains), columns, figsize=(columns * 1.4, len(chains) * 1.4))
    for row, (name, change) in zip(axes, chains.items(), strict=True):
        for k, ax in enumerate(row):
            ax.imshow(image if k == 0 else change(picture).permute(1, 2, 0))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(
            name.replace(", ", ",\n").replace(" and ", "\nand "), fontsize=9, rotation=0, ha="right", va="center"
        )
    axes[0, 0].set_title("original", fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_histories(histories: dict[str, list[dict]]) -> Figure:
    """Training loss and even macro-F1 on the validation part, by epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6))
    for colour, (name, history) in zip((GREY, ORANGE, BLUE, GREEN), histories.items(), strict=False):
        epochs = range(1, len(history) + 1)
        left.plot(epochs, [row["loss"] for row in history], color=colour, label=name, marker=".")
        right.plot(epochs, [row["even_f1"] for row in history], color=colour, label=name, marker=".")
        late = range(first_candidate(len(history)), len(history))
        best = max(late, key=lambda k: (history[k]["even_f1"], k))
        right.plot(best + 1, history[best]["even_f1"], "o", color=colour, markersize=9, fillstyle="none")
    left.set(title="Training loss", xlabel="epoch")
    right.set(title="Even macro-F1 on the validation part", xlabel="epoch", ylim=(0, 1.02))
    right.legend(loc="lower right")
    return figure


def plot_rare(f1: dict[str, np.ndarray], counts: np.ndarray, classes: list[str], named: int = 3) -> Figure:
    """F1 of each class against its number of training pictures, a colour a network."""
    figure, ax = plt.subplots(figsize=(9, 4))
    for (name, values), colour in zip(f1.items(), (GREY, ORANGE, BLUE), strict=False):
        ax.scatter(counts, values, s=28, color=colour, alpha=0.8, label=name)
    values = list(f1.values())[-1]
    for number in np.argsort(values, kind="stable")[:named]:
        ax.annotate(
            nice(classes[number]), (counts[number], values[number]), (6, -10), textcoords="offset points", fontsize=9
        )
    ax.set(xscale="log", xlabel="training pictures", ylabel="F1 on the test part", ylim=(-0.03, 1.05))
    ticks = [t for t in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if counts.min() <= t <= counts.max()]
    ax.set_xticks(ticks, ticks)
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return figure


def hardest(counts: np.ndarray, number: int) -> np.ndarray:
    """The classes with the most confusions, of either kind, by number into `counts`."""
    wrong = counts - np.diag(np.diag(counts))
    return np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:number])


def plot_confusion(counts: np.ndarray, classes: list[str], number: int = 10) -> Figure:
    """The confusion matrix of the hardest classes, in pictures; rows are the truth."""
    chosen = hardest(counts, number)
    figure, ax = plt.subplots(figsize=(8.5, 6))
    names = [nice(classes[k]) for k in chosen]
    heat_map(ax, counts[np.ix_(chosen, chosen)].astype(float), names, names, ".0f")
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    ax.set(xlabel="taken for", ylabel="is")
    return figure


def plot_predictions(images, chances: np.ndarray, labels, classes: list[str], columns: int = 6) -> Figure:
    """Pictures, each with bars of its three most probable classes; the right one is blue."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        2 * rows, columns, figsize=(columns * 1.9, rows * 2.75), height_ratios=[3, 1] * rows, squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for k, image in enumerate(images):
        above, below = axes[2 * (k // columns), k % columns], axes[2 * (k // columns) + 1, k % columns]
        above.imshow(image)
        top = np.argsort(-chances[k], kind="stable")[:3]
        colours = [BLUE if number == labels[k] else RED for number in top]
        below.barh(range(3), chances[k, top], color=colours, alpha=0.5)
        for place, number in enumerate(top):
            below.text(0.02, place, f"{nice(classes[number])} {chances[k, number]:.0%}", va="center", fontsize=8)
        below.set(xlim=(0, 1.25), ylim=(2.6, -0.6))
    return figure


def plot_heat(images, heats, titles: list[str], columns: int = 8) -> Figure:
    """Pictures in grey under their Grad-CAM: yellow is where the network looks."""
    colours = plt.get_cmap("inferno")
    mixed = [
        0.45 * image.mean(axis=2, keepdims=True) / 255 + 0.55 * colours(heat)[..., :3]
        for image, heat in zip(images, heats, strict=True)
    ]
    pairs = [picture for pair in zip(images, mixed, strict=True) for picture in pair]
    return image_grid(pairs, [text for title in titles for text in (title, "")], columns, size=1.45)


def plot_ablation(table: pd.DataFrame) -> Figure:
    """Macro-F1 of every row, grouped by what the training started from."""
    figure, ax = plt.subplots(figsize=(9, 3.8))
    groups = table.groupby(["backbone", "start"], sort=False)
    for place, ((_, start), rows) in enumerate(groups):
        spots = place + 0.17 * (np.arange(len(rows)) - (len(rows) - 1) / 2)
        ax.bar(spots, rows["macro_f1"], 0.155, color=COLOURS[start], alpha=0.9)
        for x, variant, value in zip(spots, rows["variant"], rows["macro_f1"], strict=True):
            ax.text(x, value + 0.01, f"{value:.2f}", ha="center", fontsize=8)
            ax.text(x, 0.015, variant, rotation=90, ha="center", va="bottom", fontsize=8, color="white")
    ax.set_xticks(range(len(groups)), [f"{start}\n{backbone}" for backbone, start in groups.groups], fontsize=9)
    ax.set(ylabel="macro-F1 on the test part", ylim=(0, 1.05))
    ax.grid(visible=False, axis="x")
    return figure


def plot_probes(table: pd.DataFrame) -> Figure:
    """Accuracy of linear probes by number of pictures a class; index: numbers, columns: whose features."""
    figure, ax = plt.subplots(figsize=(8, 3.8))
    for colour, name in zip((BLUE, ORANGE, GREEN, GREY), table.columns, strict=False):
        ax.plot(range(len(table)), table[name], marker="o", color=colour, label=name)
    ax.set_xticks(range(len(table)), [f"{number}" for number in table.index])
    ax.set(xlabel="pictures a class", ylabel="accuracy on the test part", ylim=(0, 1))
    ax.legend(loc="lower right")
    return figure
