"""The figures of week 7."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torchvision import tv_tensors

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, heat_map
from segmentation.losses import LOSSES
from segmentation.transforms import CHANGES, build_augmentation

LOSS_COLOURS = dict(zip(LOSSES, (BLUE, ORANGE, GREEN, RED, PURPLE), strict=True))
NAMES = {"segnet": "SegNet", "unet": "U-Net", "unet2": "U-Net 2"}
LOSS_NAMES = {"bce": "BCE", "dice": "Dice", "focal": "focal", "tversky": "Tversky", "lovasz": "Lovász"}


def outline(ax, mask: np.ndarray, colour: str, style: str = "-") -> None:
    """The border of a mask over the picture in `ax`."""
    ax.contour(mask, [0.5], colors=[colour], linewidths=1.2, linestyles=[style])


def plot_cases(images, masks, titles: list[str] | None = None, found=None, columns: int = 6) -> Figure:
    """Pictures with the border of the truth, blue, and of what was `found`, orange and dashed."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.75 * columns, 1.95 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, image, mask) in enumerate(zip(axes.flat, images, masks, strict=False)):
        ax.imshow(image)
        outline(ax, mask, BLUE)
        if found is not None:
            outline(ax, found[number], ORANGE, "--")
        if titles:
            ax.set_title(titles[number], fontsize=9, fontweight="normal", loc="center", pad=3)
    return figure


def plot_augmentation(image: np.ndarray, mask: np.ndarray, columns: int = 6) -> Figure:
    """One case under each change, a change a row, and under all of them together; the mask goes along."""
    chains = {**CHANGES, "all": build_augmentation()}
    case = tv_tensors.Image(torch.from_numpy(image.copy()).permute(2, 0, 1)), tv_tensors.Mask(torch.from_numpy(mask))
    figure, axes = plt.subplots(len(chains), columns, figsize=(columns * 1.5, len(chains) * 1.5))
    for row, (name, change) in zip(axes, chains.items(), strict=True):
        for number, ax in enumerate(row):
            picture, border = case if number == 0 else change(*case)
            ax.imshow(picture.permute(1, 2, 0))
            outline(ax, border.numpy(), BLUE)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(name.replace(", ", ",\n").replace(" and ", "\nand "), fontsize=9, rotation=0, ha="right")
    axes[0, 0].set_title("original", fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_losses(reach: float = 6.0) -> Figure:
    """Value and slope of each loss against the logit of one lesion pixel, in a picture that is right elsewhere."""
    logits = torch.linspace(-reach, reach, 121)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    for name, loss in LOSSES.items():
        values, slopes = zip(*(loss_at(loss, logit) for logit in logits), strict=True)
        left.plot(logits, values, color=LOSS_COLOURS[name], label=LOSS_NAMES[name])
        right.plot(logits, slopes, color=LOSS_COLOURS[name])
    left.set(title="Loss", xlabel="logit of a lesion pixel")
    right.set(title="Its slope", xlabel="logit of a lesion pixel")
    left.legend()
    return figure


def loss_at(loss, logit: torch.Tensor) -> tuple[float, float]:
    """Value and slope where one of four lesion pixels has this logit, and the other fifteen pixels are right."""
    one = logit.clone().requires_grad_()
    target = torch.tensor([1.0] * 4 + [0.0] * 12).view(1, 1, 4, 4)
    logits = torch.cat([one.view(1), (8 * (2 * target - 1)).flatten()[1:]]).view(1, 1, 4, 4)
    value = loss(logits, target)
    value.backward()
    return value.item(), one.grad.item()


def plot_grid(table: pd.DataFrame) -> Figure:
    """The heat map: a row a network, a column a loss."""
    figure, ax = plt.subplots(figsize=(8, 3.2))
    rows, columns = [NAMES[name] for name in table.index], [LOSS_NAMES[name] for name in table.columns]
    heat_map(ax, table.to_numpy(float), rows, columns)
    ax.set_title("Mean IoU on the test part")
    return figure


def plot_curves(histories: dict[tuple[str, str], list[list[dict]]], warmup: int) -> Figure:
    """IoU on the validation part by epoch, a panel a network, a colour a loss, a line a seed."""
    models = list(dict.fromkeys(model for model, _ in histories))
    figure, axes = plt.subplots(1, len(models), figsize=(12, 3.6), sharey=True, squeeze=False)
    for ax, model in zip(axes[0], models, strict=True):
        for (name, loss), runs in histories.items():
            for number, history in enumerate(runs if name == model else []):
                epochs = range(1, len(history) + 1)
                label = LOSS_NAMES[loss] if number == 0 else None
                colour = LOSS_COLOURS[loss]
                ax.plot(epochs, [row["iou"] for row in history], color=colour, label=label, lw=1.3, alpha=0.85)
        ax.axvline(warmup + 0.5, color=GREY, linestyle=":", linewidth=1)
        ax.set(title=NAMES[model], xlabel="epoch", ylim=(0, 1))
    axes[0, 0].set_ylabel("IoU on the validation part")
    axes[0, -1].legend(loc="lower right", fontsize=9)
    return figure


def plot_calibration(tables: dict[str, pd.DataFrame], title: str) -> Figure:
    """What is so against what is said, a line a loss."""
    figure, ax = plt.subplots(figsize=(5.2, 4.6))
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for loss, table in tables.items():
        shown = table[table["pixels"] > 0]
        ax.plot(
            shown["said"], shown["lesion"], marker="o", markersize=4, color=LOSS_COLOURS[loss], label=LOSS_NAMES[loss]
        )
    ax.set(title=title, xlabel="probability that the network gives", ylabel="share of pixels that are lesion")
    ax.legend(loc="upper left")
    return figure


def plot_sizes(areas: np.ndarray, values: dict[str, np.ndarray]) -> Figure:
    """IoU of each image against the size of its lesion, a colour a loss, with the mean of each third of sizes."""
    figure, ax = plt.subplots(figsize=(9, 4))
    thirds = np.array_split(np.argsort(areas, kind="stable"), 3)
    for loss, iou in values.items():
        ax.scatter(areas, iou, s=14, color=LOSS_COLOURS[loss], alpha=0.35)
        middles = [np.median(areas[rows]) for rows in thirds]
        ax.plot(middles, [iou[rows].mean() for rows in thirds], "o-", color=LOSS_COLOURS[loss], label=LOSS_NAMES[loss])
    ax.set(xscale="log", xlabel="share of the picture that is lesion", ylabel="IoU")
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1) if areas.min() <= tick <= areas.max()]
    ax.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return figure


def plot_statistics(tables: dict[str, pd.DataFrame]) -> Figure:
    """Histograms of `baseline.describe`, one colour a data set."""
    shown = {
        "area": "share that is lesion",
        "x": "its middle, from left to right",
        "contrast": "skin minus lesion, of 255",
        "skin green": "skin, green of 255",
        "lesion green": "lesion, green of 255",
        "corners": "darkest corner, of 255",
    }
    figure, axes = plt.subplots(2, 3, figsize=(11, 5))
    for ax, (column, title) in zip(axes.flat, shown.items(), strict=True):
        values = np.concatenate([table[column] for table in tables.values()])
        edges = np.linspace(values.min(), values.max(), 21)
        for (name, table), colour in zip(tables.items(), (BLUE, ORANGE), strict=False):
            weights = np.full(len(table), 1 / len(table))
            ax.hist(table[column], edges, weights=weights, color=colour, alpha=0.55, label=name)
        ax.set(xlabel=title, yticks=[])
    axes[0, 0].legend()
    return figure
