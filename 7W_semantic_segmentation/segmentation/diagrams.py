"""Diagrams of the three architectures, with the shapes of the feature maps."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from coursework.figures import BLUE, GREEN, ORANGE, PURPLE

# Title, connection between encoder and decoder, its colour, downsampling, upsampling.
STYLES = {
    "segnet": (
        "SegNet: the decoder receives the positions of the maxima",
        "positions of the maxima",
        GREEN,
        "max pooling",
        "max-unpooling",
    ),
    "unet": (
        "U-Net: the decoder receives the encoder's feature maps",
        "skip connection",
        ORANGE,
        "max pooling",
        "2 × 2 up-convolution",
    ),
    "unet2": (
        "U-Net 2: as U-Net, with other down- and upsampling",
        "skip connection",
        ORANGE,
        "convolution, stride 2",
        "transposed convolution",
    ),
}
WIDTH, STEP = 1.9, 0.55  # of a block, and from level to level


def plot_architecture(name: str, width: int, size: int) -> Figure:
    """Encoder (left) and decoder (right) of "segnet", "unet" or "unet2": channels × height × width at each level."""
    title, link, colour, down, up = STYLES[name]
    if name == "segnet":
        encoder, decoder, bottom = (1, 2, 4, 8, 8), (1, 1, 2, 4, 8), 8
    else:
        encoder, decoder, bottom = (1, 2, 4, 8), (1, 2, 4, 8), 16
    levels = len(encoder)
    figure, ax = plt.subplots(figsize=(10, 0.85 * (levels + 1) + 0.5))
    for level in range(levels):
        side, left, right = size >> level, STEP * level, 10 - STEP * level
        draw_block(ax, left, -level, f"{encoder[level] * width} × {side} × {side}", BLUE)
        draw_block(ax, right - WIDTH, -level, f"{decoder[level] * width} × {side} × {side}", BLUE)
        draw_arrow(ax, (left + WIDTH, -level), (right - WIDTH, -level), colour)
        ax.text(5, -level + 0.06, link, ha="center", va="bottom", fontsize=8, color=colour)
        inner = left + STEP + WIDTH / 2 if level < levels - 1 else 5 - 0.35
        below = -level - 1 + 0.26
        draw_arrow(ax, (left + WIDTH / 2, -level - 0.26), (inner, below), "black")
        draw_arrow(ax, (10 - inner, below), (right - WIDTH / 2, -level - 0.26), "black")
    side = size >> levels
    draw_block(ax, 5 - WIDTH / 2, -levels, f"{bottom * width} × {side} × {side}", PURPLE)
    ax.text(0.2, -levels, f"down: {down}", fontsize=8.5, va="center")
    ax.text(9.8, -levels, f"up: {up}", fontsize=8.5, va="center", ha="right")
    ax.text(-0.1, 0, f"image\n3 × {size} × {size}", fontsize=8.5, ha="right", va="center")
    ax.text(10.1, 0, f"logits\n1 × {size} × {size}", fontsize=8.5, ha="left", va="center")
    ax.set(xlim=(-1.4, 11.4), ylim=(-levels - 0.4, 0.5), title=title)
    ax.axis("off")
    return figure


def draw_block(ax, x: float, y: float, text: str, colour: str) -> None:
    """A block of convolutions, with the shape of its result."""
    ax.add_patch(Rectangle((x, y - 0.26), WIDTH, 0.52, color=colour, alpha=0.22, linewidth=0))
    ax.text(x + WIDTH / 2, y, text, ha="center", va="center", fontsize=8.5)


def draw_arrow(ax, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """An arrow between two blocks."""
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="->", mutation_scale=11, color=colour, linewidth=1.1))
