"""The figures of week 7."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torchvision import tv_tensors

from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, heat_map

LOSS_NAMES = {"bce": "BCE", "dice": "Dice", "focal": "focal", "tversky": "Tversky", "lovasz": "Lovász"}
LOSS_COLOURS = dict(zip(LOSS_NAMES, (BLUE, ORANGE, GREEN, RED, PURPLE), strict=True))
NAMES = {"segnet": "SegNet", "unet": "U-Net", "unet2": "U-Net 2"}


def outline(ax, mask: np.ndarray, colour: str, style: str = "-") -> None:
    """Draw the border of a mask over the image in `ax`."""
    if mask.any() and not mask.all():
        line = ax.contour(mask, [0.5], colors=[colour], linewidths=1.2, linestyles=[style])
        line.set_path_effects([withStroke(linewidth=2.4, foreground="white")])  # legible on dark and on orange skin


def plot_cases(images, masks, titles: list[str] | None = None, predicted=None, columns: int = 6) -> Figure:
    """Images with the true border, blue, and the predicted one, orange and dashed."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.75 * columns, 1.95 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, image, mask) in enumerate(zip(axes.flat, images, masks, strict=False)):
        ax.imshow(image)
        outline(ax, mask, BLUE)
        if predicted is not None:
            outline(ax, predicted[number], ORANGE, "--")
        if titles:
            ax.set_title(titles[number], fontsize=9, fontweight="normal", loc="center", pad=3)
    return figure


def plot_predictions(images, masks, probs: np.ndarray, iou: np.ndarray) -> Figure:
    """For each image a row: the image with its true border, the probabilities, and both borders with the IoU."""
    figure, axes = plt.subplots(len(images), 3, figsize=(7.2, 2.35 * len(images)), squeeze=False)
    for row, image, mask, values, score in zip(axes, images, masks, probs, iou, strict=True):
        for ax, shown in zip(row, (image, values, image), strict=True):
            ax.axis("off")
            drawn = ax.imshow(shown, cmap="viridis", vmin=0, vmax=1) if shown is values else ax.imshow(shown)
            if shown is values:
                figure.colorbar(drawn, ax=ax, fraction=0.046)
        outline(row[0], mask, BLUE)
        outline(row[2], mask, BLUE)
        outline(row[2], values >= 0.5, ORANGE, "--")
        row[2].set_title(f"IoU {score:.2f}", fontsize=9, fontweight="normal", loc="center")
    for ax, title in zip(axes[0], ("image and true border", "probability of lesion", f"IoU {iou[0]:.2f}"), strict=True):
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_augmentation(image: np.ndarray, mask: np.ndarray, transforms: dict, columns: int = 5) -> Figure:
    """One row per transform: the original case in the first column, then transformed copies of image and mask."""
    case = tv_tensors.Image(torch.from_numpy(image.copy()).permute(2, 0, 1)), tv_tensors.Mask(torch.from_numpy(mask))
    figure, axes = plt.subplots(len(transforms), columns, figsize=(columns * 1.5, len(transforms) * 1.5))
    for row, (name, transform) in zip(axes, transforms.items(), strict=True):
        for number, ax in enumerate(row):
            pixels, border = case if number == 0 else transform(*case)
            ax.imshow(pixels.permute(1, 2, 0))
            outline(ax, border.numpy(), BLUE)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    axes[0, 0].set_title("original", fontsize=9, fontweight="normal", loc="center")
    return figure


def plot_losses(losses: dict, reach: float = 6.0) -> Figure:
    """Each loss and its derivative against the logit of one lesion pixel; all other pixels are predicted correctly."""
    logits = torch.linspace(-reach, reach, 121)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    for name, loss in losses.items():
        values, slopes = zip(*(loss_at(loss, logit) for logit in logits), strict=True)
        left.plot(logits, values, color=LOSS_COLOURS[name], label=LOSS_NAMES[name])
        right.plot(logits, slopes, color=LOSS_COLOURS[name])
    left.set(title="Loss", xlabel="logit of one lesion pixel")
    right.set(title="Derivative of the loss", xlabel="logit of one lesion pixel")
    left.legend()
    return figure


def loss_at(loss, logit: torch.Tensor) -> tuple[float, float]:
    """Loss and derivative if one of four lesion pixels has this logit, and the other fifteen pixels are correct."""
    one = logit.clone().requires_grad_()
    masks = torch.tensor([1.0] * 4 + [0.0] * 12).view(1, 1, 4, 4)
    logits = torch.cat([one.view(1), (8 * (2 * masks - 1)).flatten()[1:]]).view(1, 1, 4, 4)
    value = loss(logits, masks)
    value.backward()
    return value.item(), one.grad.item()


def plot_history(history: list[dict]) -> Figure:
    """Mean training loss and mean validation IoU of each epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    epochs = range(1, len(history) + 1)
    for ax, key, title in ((left, "loss", "Training loss"), (right, "iou", "IoU on the validation images")):
        ax.plot(epochs, [row[key] for row in history], "o-", markersize=3, color=BLUE)
        ax.set(title=title, xlabel="epoch")
    return figure


def plot_curves(histories: dict[tuple[str, str], list[list[dict]]], warmup: int) -> Figure:
    """Validation IoU by epoch, a panel per network: the median over losses and seeds, and their range."""
    models = list(dict.fromkeys(model for model, _ in histories))
    figure, axes = plt.subplots(1, len(models), figsize=(12, 3.4), sharey=True, squeeze=False)
    for ax, model in zip(axes[0], models, strict=True):
        runs = [history for (name, _), several in histories.items() if name == model for history in several]
        values = np.array([[row["iou"] for row in history] for history in runs])
        epochs = np.arange(1, values.shape[1] + 1)
        ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=BLUE, alpha=0.2, linewidth=0)
        ax.plot(epochs, np.median(values, axis=0), color=BLUE)
        ax.axvline(warmup + 0.5, color=GREY, linestyle=":", linewidth=1)
        ax.set(title=NAMES[model], xlabel="epoch", ylim=(0, 1))
    axes[0, 0].set_ylabel("validation IoU")
    return figure


def plot_grid(table: pd.DataFrame) -> Figure:
    """A heat map of mean IoU: a row per network, a column per loss."""
    figure, ax = plt.subplots(figsize=(8, 3.2))
    rows, columns = [NAMES[name] for name in table.index], [LOSS_NAMES[name] for name in table.columns]
    heat_map(ax, table.to_numpy(float), rows, columns)
    ax.set_title("Mean IoU on the test images, mean over seeds")
    return figure


def plot_seeds(values: dict[tuple[str, str], np.ndarray]) -> Figure:
    """Mean IoU of each network and loss: a dot per seed, and a line through them; a colour per network."""
    order = sorted(values, key=lambda pair: values[pair].mean())
    figure, ax = plt.subplots(figsize=(9, 0.34 * len(order) + 1))
    colours = dict(zip(NAMES, (ORANGE, BLUE, GREEN), strict=True))
    for row, pair in enumerate(order):
        mean, colour = values[pair].mean(), colours[pair[0]]
        ax.plot([values[pair].min(), values[pair].max()], [row, row], color=colour, linewidth=1.5, alpha=0.6)
        ax.plot(values[pair], np.full(len(values[pair]), row), "o", color=colour, markersize=4)
        ax.plot(mean, row, "|", color=colour, markersize=11)
    ax.set_yticks(range(len(order)), [f"{NAMES[model]}, {LOSS_NAMES[loss]}" for model, loss in order])
    ax.set(xlabel="mean IoU on the test images", ylim=(-0.6, len(order) - 0.4))
    ax.set_title("Fifteen combinations: each seed (dots) and their mean (bar)")
    return figure


def plot_all_masks(image: np.ndarray, mask: np.ndarray, predicted: dict[tuple[str, str], np.ndarray]) -> Figure:
    """One image with the prediction of each network (rows) and each loss (columns)."""
    models, losses = ([*dict.fromkeys(pair[axis] for pair in predicted)] for axis in (0, 1))
    figure, axes = plt.subplots(len(models), len(losses), figsize=(1.75 * len(losses), 1.9 * len(models)))
    for (model, loss), found in predicted.items():
        ax = axes[models.index(model), losses.index(loss)]
        ax.imshow(image)
        outline(ax, mask, BLUE)
        outline(ax, found, ORANGE, "--")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, loss in zip(axes[0], losses, strict=True):
        ax.set_title(LOSS_NAMES[loss], fontsize=9, fontweight="normal", loc="center")
    for ax, model in zip(axes[:, 0], models, strict=True):
        ax.set_ylabel(NAMES[model], fontsize=9)
    return figure


def plot_probabilities(images: np.ndarray, masks: np.ndarray, probs: dict[str, np.ndarray]) -> Figure:
    """For each image a row: the image with its true border, then the probability map of each loss."""
    figure, axes = plt.subplots(len(images), 1 + len(probs), figsize=(1.75 * (1 + len(probs)), 1.8 * len(images)))
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        for ax, shown in zip(axes[row], (image, *(maps[row] for maps in probs.values())), strict=True):
            ax.axis("off")
            drawn = ax.imshow(shown, vmin=0, vmax=1, cmap="viridis")  # colours are for maps; a photograph has its own
        outline(axes[row, 0], mask, BLUE)
    for ax, title in zip(axes[0], ("image", *(LOSS_NAMES[loss] for loss in probs)), strict=True):
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")
    figure.colorbar(drawn, ax=axes, fraction=0.02, label="probability of lesion")
    return figure


def plot_calibration(tables: dict[str, dict[str, pd.DataFrame]]) -> Figure:
    """Reliability diagrams, a panel for each entry of `tables`, a line for each loss."""
    figure, axes = plt.subplots(1, len(tables), figsize=(5.2 * len(tables), 4.4), squeeze=False)
    for ax, (title, by_loss) in zip(axes[0], tables.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        for loss, table in by_loss.items():
            shown = table[table["pixels"] > 0]
            line = {"marker": "o", "markersize": 4, "color": LOSS_COLOURS[loss], "label": LOSS_NAMES[loss]}
            ax.plot(shown["probability"], shown["lesion"], **line)
        ax.set(title=title, xlabel="predicted probability", ylabel="fraction of lesion pixels")
    axes[0, 0].legend(loc="upper left")
    return figure


def plot_sizes(areas: np.ndarray, values: dict[str, np.ndarray]) -> Figure:
    """IoU of each image against the area of its lesion, a colour per loss, with means over thirds of the images."""
    figure, ax = plt.subplots(figsize=(9, 4))
    thirds = np.array_split(np.argsort(areas, kind="stable"), 3)
    for loss, iou in values.items():
        ax.scatter(areas, iou, s=14, color=LOSS_COLOURS[loss], alpha=0.35)
        middles = [np.median(areas[rows]) for rows in thirds]
        ax.plot(middles, [iou[rows].mean() for rows in thirds], "o-", color=LOSS_COLOURS[loss], label=LOSS_NAMES[loss])
    ax.set(xscale="log", xlabel="area of the lesion, fraction of the image", ylabel="IoU")
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1) if areas.min() <= tick <= areas.max()]
    ax.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
    ax.minorticks_off()
    figure.legend(loc="outside right center")
    return figure


def plot_statistics(tables: dict[str, pd.DataFrame]) -> Figure:
    """Histograms of `baseline.describe`, one colour per data set."""
    shown = {
        "area": "area of the lesion, fraction",
        "x": "horizontal position of the lesion's centre",
        "contrast": "brightness, skin minus lesion",
        "skin green": "green value of skin",
        "lesion green": "green value of the lesion",
        "corners": "brightness of the darkest corner",
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
