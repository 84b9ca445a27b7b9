"""The figures of week 6."""

import textwrap
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from coursework.drawing import Person
from coursework.figures import BLUE, GREY, ORANGE, RED, heat_map, image_grid
from simpsons.evaluate import precision_recall

# Eight colours that colour-blind readers can tell apart. Source: Okabe and Ito 2008, jfly.uni-koeln.de/color/
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#000000")


def nice(name: str) -> str:
    """A folder name as a title: `ada_quill` becomes Ada Quill."""
    return name.replace("_", " ").title()


def plot_examples(images: np.ndarray, labels: np.ndarray, classes: list[str], columns: int = 6) -> Figure:
    """Images with the names of their classes."""
    return image_grid(images, [nice(classes[label]) for label in labels], columns, size=min(1.35, 12 / columns))


def plot_titled(images: list[np.ndarray], titles: list[str]) -> Figure:
    """Images in a row, with titles."""
    return image_grid(images, [textwrap.fill(title, 16) for title in titles], len(images), size=1.6)


def plot_pairs(pairs: dict[tuple[str, str], np.ndarray], features: list[str]) -> Figure:
    """Pairs of classes that look alike, a row for each: two images of either, and the feature in which they differ."""
    figure, axes = plt.subplots(len(pairs), 4, figsize=(5.6, 1.35 * len(pairs)), squeeze=False)
    for row, (names, images), feature in zip(axes, pairs.items(), features, strict=True):
        for k, (ax, image) in enumerate(zip(row, images, strict=True)):
            ax.imshow(image)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.set_title(nice(names[k // 2]), fontsize=9, fontweight="normal", loc="center", pad=3)
        row[0].set_ylabel(feature, fontsize=9, rotation=0, ha="right", va="center")
    return figure


def differing_feature(first: Person, second: Person) -> str:
    """The name of the feature in which two synthetic characters differ."""
    features = {"top": "hair", "beard": "beard", "glasses": "glasses"}
    return ", ".join(name for field, name in features.items() if getattr(first, field) != getattr(second, field))


def plot_counts(train: np.ndarray, test: np.ndarray | None, classes: list[str]) -> Figure:
    """Images per class, from most to fewest, with a logarithmic axis."""
    order = np.argsort(-train, kind="stable")
    figure, ax = plt.subplots(figsize=(11, 4))
    ax.bar(range(len(classes)), train[order], color=BLUE, label="training and validation")
    if test is not None:
        ax.plot(range(len(classes)), test[order], "o", color=ORANGE, markersize=4, label="test")
    ax.set_xticks(range(len(classes)), [nice(classes[k]) for k in order], rotation=90, fontsize=8)
    ax.set(yscale="log", ylabel="images per class", xlim=(-0.7, len(classes) - 0.3))
    ax.set_title(f"A long tail: from {train.max()} images for training and validation down to {train.min()}")
    ax.grid(visible=False, axis="x")
    ax.legend()
    return figure


def plot_augmentation(image: np.ndarray, transforms: dict, columns: int = 5) -> Figure:
    """One row per transform: the original image in the first column, then transformed copies."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)
    figure, axes = plt.subplots(len(transforms), columns, figsize=(columns * 1.15, len(transforms) * 1.15))
    for row, (name, transform) in zip(axes, transforms.items(), strict=True):
        for k, ax in enumerate(row):
            ax.imshow(image if k == 0 else transform(pixels).permute(1, 2, 0))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    axes[0, 0].set_title("original", fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_inverted_residual() -> Figure:
    """A diagram of MobileNetV2's block: expand, depthwise convolution, project, skip connection."""
    figure, ax = plt.subplots(figsize=(9.5, 2.6))
    steps = ((0, 0.5, "input\n24 channels", GREY), (2, 1.5, "144 channels", BLUE), (4.4, 1.5, "144 channels", BLUE),
             (6.8, 0.5, "output\n24 channels", GREY))  # fmt: skip
    for x, height, text, color in steps:
        ax.add_patch(Rectangle((x, 1 - height / 2), 0.55, height, color=color, alpha=0.75))
        ax.text(x + 0.28, 0.05, text, ha="center", va="top", fontsize=9)
    arrows = (
        (0.6, 1.95, "1 × 1 convolution\nexpands sixfold"), (2.6, 4.35, "3 × 3 depthwise:\none filter per channel"),
        (5.0, 6.75, "1 × 1 convolution\nprojects, no activation"),
    )  # fmt: skip
    for start, end, text in arrows:
        ax.add_patch(FancyArrowPatch((start, 1), (end, 1), arrowstyle="->", mutation_scale=14, color="black"))
        ax.text((start + end) / 2, 1.12, text, ha="center", va="bottom", fontsize=8.5)
    curve = FancyArrowPatch((0.28, 1.3), (7.08, 1.3), arrowstyle="->", mutation_scale=14, color=ORANGE,
                            connectionstyle="arc3,rad=-0.22")  # fmt: skip
    ax.add_patch(curve)
    ax.text(3.7, 2.6, "skip connection: the input is added", ha="center", color=ORANGE, fontsize=9)
    ax.set(xlim=(-0.6, 8.2), ylim=(-0.7, 2.9), title="Inverted residual block: expand, filter, project")
    ax.axis("off")
    return figure


def plot_schedule(rates: np.ndarray, names: tuple[str, ...]) -> Figure:
    """Learning rates over the steps of a training, (steps, number of parameter groups)."""
    figure, ax = plt.subplots(figsize=(7, 2.8))
    for values, name, color in zip(rates.T, names, (BLUE, ORANGE), strict=True):
        ax.plot(np.linspace(0, 100, len(values)), values, color=color)
        ax.text(100 * values.argmax() / len(values) + 2, values.max(), name, color=color, va="bottom")
    ax.set(xlabel="percent of the steps", ylabel="learning rate", ylim=(0, 1.12 * rates.max()))
    ax.set_title("One cycle: both learning rates rise, then fall to almost zero")
    return figure


def plot_history(history: list[dict]) -> Figure:
    """Loss and accuracy on training and validation images after each epoch; the selected epoch is marked."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    epochs = range(1, len(history) + 1)
    names = ((left, "loss", "validation_loss"), (right, "training_accuracy", "accuracy"))
    for ax, train, validation in names:
        for key, color, label in ((train, GREY, "training (augmented)"), (validation, BLUE, "validation")):
            ax.plot(epochs, [row[key] for row in history], "o-", markersize=3, color=color, label=label)
    best = min(range(len(history)), key=lambda k: (history[k]["validation_loss"], -k))
    left.axvline(best + 1, color=ORANGE, linestyle="--", linewidth=1)
    left.text(best + 1, left.get_ylim()[1], "selected ", color=ORANGE, ha="right", va="top")
    left.set(title="Loss (cross-entropy)", xlabel="epoch", yscale="log")
    right.set(title="Accuracy", xlabel="epoch")
    right.legend(loc="lower right")
    return figure


def plot_class_metrics(counts: np.ndarray, train_counts: np.ndarray, classes: list[str], named: int = 4) -> Figure:
    """Precision and recall of each class against its number of training images; the lowest are named."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for ax, values, title in zip(axes, precision_recall(counts), ("Precision", "Recall"), strict=True):
        values = np.nan_to_num(values)  # a class that is never predicted has no precision
        ax.scatter(train_counts, values, s=28, color=BLUE, alpha=0.8)
        lowest = sorted(np.argsort(values, kind="stable")[:named], key=lambda number: train_counts[number])
        left = {number: train_counts[number] > np.median(train_counts) for number in lowest}
        for first, second in pairwise(lowest):  # neighbours get their names on opposite sides
            near = train_counts[second] < 5 * train_counts[first] and abs(values[first] - values[second]) < 0.04
            if near:
                left[first], left[second] = True, False
        for number in lowest:
            text = {"ha": "right" if left[number] else "left", "va": "center", "fontsize": 8.5}
            place, offset = (train_counts[number], values[number]), (-7 if left[number] else 7, 0)
            ax.annotate(nice(classes[number]), place, offset, textcoords="offset points", **text)
        ticks = [k for k in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if train_counts.min() <= k <= train_counts.max()]
        ax.set(xscale="log", xlabel="training images", title=f"{title} of each class", ylim=(-0.03, 1.04))
        ax.set_xticks(ticks, ticks)
        ax.minorticks_off()
    return figure


def hardest(counts: np.ndarray, number: int) -> np.ndarray:
    """The classes with the most errors, as rows or columns of the confusion matrix `counts`."""
    wrong = counts - np.diag(np.diag(counts))
    return np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:number])


def plot_errors(counts: np.ndarray, classes: list[str], number: int = 12) -> Figure:
    """The confusion matrix of the classes with the most errors, without its diagonal."""
    chosen = hardest(counts, number)
    wrong = (counts - np.diag(np.diag(counts)))[np.ix_(chosen, chosen)].astype(float)
    figure, ax = plt.subplots(figsize=(7, 4.8))
    names = [nice(classes[k]) for k in chosen]
    heat_map(ax, wrong, names, names, ".0f")
    for text in ax.texts:
        text.set_visible(text.get_text() != "0")
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    total = int(counts.sum() - np.trace(counts))
    ax.set(xlabel="predicted class", ylabel="true class", title=f"{wrong.sum():.0f} of all {total} errors, by class")
    return figure


def plot_predictions(images, probs: np.ndarray, labels, classes: list[str], columns: int = 6) -> Figure:
    """Images with true and predicted name; below each, its three most probable classes, the true one in blue."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        2 * rows, columns, figsize=(columns * 1.75, rows * 2.8), height_ratios=[3, 1] * rows, squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for k, image in enumerate(images):
        above, below = axes[2 * (k // columns), k % columns], axes[2 * (k // columns) + 1, k % columns]
        above.imshow(image)
        top = np.argsort(-probs[k], kind="stable")[:3]
        right = top[0] == labels[k]
        lines = f"true: {nice(classes[labels[k]])}", f"predicted: {'the same' if right else nice(classes[top[0]])}"
        title = "\n".join(textwrap.fill(line, 22, subsequent_indent="  ") for line in lines)
        above.set_title(title, fontsize=8.5, fontweight="normal", loc="left", color="black" if right else RED, pad=3)
        colors = [BLUE if number == labels[k] else RED for number in top]
        below.barh(range(3), probs[k, top], color=colors, alpha=0.5)
        for place, number in enumerate(top):
            below.text(0.02, place, f"{nice(classes[number])} {probs[k, number]:.0%}", va="center", fontsize=8)
        below.set(xlim=(0, 1.25), ylim=(2.6, -0.6))
    return figure


def plot_calibration(probs: dict[str, np.ndarray], labels: np.ndarray, bins: int = 10) -> Figure:
    """Accuracy minus mean confidence in groups of equally many images, for each entry of `probs`; 0 is calibrated."""
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    ax.axhline(0, color=GREY, linestyle=":", linewidth=1)
    for (name, values), color in zip(probs.items(), (ORANGE, BLUE), strict=False):
        confidence, correct = values.max(axis=1), values.argmax(axis=1) == labels
        groups = [rows for rows in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(rows)]
        gaps = [correct[rows].mean() - confidence[rows].mean() for rows in groups]
        ax.plot(range(1, len(gaps) + 1), gaps, "o-", color=color, label=name)
    ax.set(xlabel="group of test images, from the least to the most confident", ylabel="accuracy − confidence")
    ax.set_title("Below zero: overconfident; above: underconfident")
    ax.set_xticks(range(1, len(gaps) + 1))
    ax.legend(loc="lower right")
    return figure


def plot_embeddings(points: dict[str, np.ndarray], labels: np.ndarray, classes: list[str], shown: list[int]) -> Figure:
    """Two-dimensional maps (n, 2) of features, with the classes in `shown` in colour."""
    figure, axes = plt.subplots(1, len(points), figsize=(5.2 * len(points), 4.8), squeeze=False)
    for ax, (name, values) in zip(axes[0], points.items(), strict=True):
        ax.scatter(*values.T, s=5, color="#CBD0D8")
        for number, color in zip(shown, PALETTE, strict=False):
            rows = labels == number
            ax.scatter(*values[rows].T, s=14, color=color, label=nice(classes[number]))
        ax.set(title=name, xticks=[], yticks=[])
        ax.grid(visible=False)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def plot_heat(images, heats, titles: list[str], columns: int = 8) -> Figure:
    """Each image, then a grey copy under its Grad-CAM map: yellow regions support the class most."""
    colors = plt.get_cmap("inferno")
    mixed = [
        0.45 * image.mean(axis=2, keepdims=True) / 255 + 0.55 * colors(heat)[..., :3]
        for image, heat in zip(images, heats, strict=True)
    ]
    pairs = [image for pair in zip(images, mixed, strict=True) for image in pair]
    wrapped = [textwrap.fill(title, 18) for title in titles]
    return image_grid(pairs, [text for title in wrapped for text in (title, "")], columns, size=1.25)


def plot_ablation(table: pd.DataFrame, changes: pd.DataFrame) -> Figure:
    """Difference of each variant from the full method: one dot per seed, the mean, and its 95 % interval."""
    figure, ax = plt.subplots(figsize=(9, 0.55 * len(changes) + 1.3))
    for row, name in enumerate(changes.index):
        seeds = table.loc[name] - table.iloc[0]
        ax.scatter(seeds, np.full(len(seeds), row) + 0.2, s=16, color=GREY)
        ax.plot(changes.loc[name, ["low", "high"]], [row, row], color=BLUE, linewidth=3)
        ax.plot(changes.loc[name, "difference"], row, "o", color=BLUE, markersize=8)
    ax.axvline(0, color=RED, linewidth=1)
    ax.set_yticks(range(len(changes)), list(changes.index))
    ax.set(xlabel="difference in balanced F1 from the full method", ylim=(len(changes) - 0.5, -0.6))
    ax.set_title("Effect of each change: mean, 95 % interval (grey: seeds)")
    return figure


def plot_duplicates(pairs: list[tuple[np.ndarray, np.ndarray]], values: np.ndarray) -> Figure:
    """Test images (upper row) and the most similar training images (lower row), with their correlation."""
    images = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
    titles = [f"test ({value:.3f})" for value in values] + ["training"] * len(pairs)
    return image_grid(images, titles, len(pairs), size=1.3)


def plot_models(table: pd.DataFrame, highlighted: str, title: str) -> Figure:
    """A bar for each metric of each model, one colour per column of `table`; the name of one model is bold."""
    figure, ax = plt.subplots(figsize=(8.5, 0.45 * len(table) + 1.2))
    for (name, values), color, offset in zip(table.items(), (BLUE, ORANGE), (-0.14, 0.14), strict=True):
        bars = ax.barh(np.arange(len(table)) + offset, values, color=color, height=0.26, label=name)
        ax.bar_label(bars, [f" {value:.3f}" for value in values], fontsize=8.5)
    ax.set_yticks(range(len(table)), list(table.index))
    for label in ax.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == highlighted else "normal")
    ax.set(title=title, xlim=(0, 1.1))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.legend(loc="upper right")
    return figure
