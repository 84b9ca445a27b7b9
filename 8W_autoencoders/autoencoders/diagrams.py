"""Diagrams of this week's architectures, drawn with the shapes of what flows through them."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from autoencoders.face_models import channels_of
from coursework.figures import BLUE, GREEN, GREY, ORANGE, PURPLE


def plot_vae(pixels: int, hidden: int, latent: int, classes: int = 0) -> Figure:
    """Encoder, reparameterisation and decoder of a VAE; with `classes`, the label enters on both sides."""
    figure, ax = plt.subplots(figsize=(10, 3.3 if classes else 2.9))
    draw_box(ax, (0.0, 0), f"image $x$\n{pixels}", GREY)
    draw_box(ax, (1.9, 0), f"encoder\n{hidden}, {hidden}", BLUE)
    draw_box(ax, (3.8, 0.6), f"mean $\\mu$\n{latent}", BLUE)
    draw_box(ax, (3.8, -0.6), f"log-variance\n$\\log \\sigma^2$, {latent}", BLUE)
    draw_box(ax, (5.8, 0), f"$z = \\mu + \\sigma \\varepsilon$\n{latent}", PURPLE)
    draw_box(ax, (7.7, 0), f"decoder\n{hidden}, {hidden}", ORANGE)
    draw_box(ax, (9.6, 0), f"logits of $p(x \\mid z)$\n{pixels}", ORANGE)
    ax.text(5.8, -1.1, "noise $\\varepsilon \\sim N(0, I)$", ha="center", va="center", fontsize=9)
    arrows = [((0.6, 0), (1.25, 0)), ((2.5, 0.1), (3.15, 0.55)), ((2.5, -0.1), (3.15, -0.55))]
    arrows += [((4.45, 0.55), (5.15, 0.1)), ((4.45, -0.55), (5.15, -0.1)), ((5.8, -0.95), (5.8, -0.35))]
    arrows += [((6.45, 0), (7.05, 0)), ((8.35, 0), (8.9, 0))]
    if classes:
        for x in (1.9, 7.7):
            ax.text(x, 1.15, f"class, one-hot: {classes}", ha="center", va="center", fontsize=9, color=GREEN)
            draw_arrow(ax, (x, 0.98), (x, 0.35), GREEN)
    for start, end in arrows:
        draw_arrow(ax, start, end, "black")
    title = "Conditional VAE: both networks receive the class" if classes else "VAE: the encoder returns a distribution"
    ax.set(xlim=(-0.8, 10.5), ylim=(-1.3, 1.35), title=title)
    ax.axis("off")
    return figure


def plot_autoencoder(side: int, width: int, latent: int) -> Figure:
    """Encoder and decoder of the autoencoder for faces, with the shapes of their feature maps."""
    channels = channels_of(side, width)
    figure, ax = plt.subplots(figsize=(10, 2.6))
    shapes = [f"3\n{side}²"] + [f"{c}\n{side >> step}²" for step, c in enumerate(channels, 1)]
    columns = [*((text, BLUE) for text in shapes), (f"{latent}", PURPLE), *((text, ORANGE) for text in shapes[::-1])]
    for number, (text, colour) in enumerate(columns):
        level = min(number, len(columns) - 1 - number)
        draw_box(ax, (number, 0), text, GREY if level == 0 else colour, (0.66, 1.5 - 0.16 * level))
        if number:
            draw_arrow(ax, (number - 0.67, 0), (number - 0.33, 0), "black")
    ax.text(len(shapes) / 2 - 0.5, 0.95, "encoder: 4 × 4 convolutions with stride 2", ha="center", fontsize=9)
    ax.text(
        len(columns) - len(shapes) / 2 - 0.5,
        0.95,
        "decoder: upsampling and 3 × 3 convolutions",
        ha="center",
        fontsize=9,
    )
    ax.set(
        xlim=(-0.6, len(columns) - 0.4), ylim=(-0.9, 1.2), title="Autoencoder: channels and size of the feature maps"
    )
    ax.axis("off")
    return figure


def draw_box(ax: Axes, middle: tuple[float, float], text: str, colour: str, size: tuple = (1.3, 0.64)) -> None:
    """A rounded box with a text."""
    x, y = middle[0] - size[0] / 2, middle[1] - size[1] / 2
    style = "round,pad=0.02,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch((x, y), *size, boxstyle=style, facecolor=colour, alpha=0.22, linewidth=0))
    ax.text(*middle, text, ha="center", va="center", fontsize=8.5)


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """An arrow between two boxes."""
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="->", mutation_scale=11, color=colour, linewidth=1.1))
