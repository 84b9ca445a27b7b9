"""One look for all figures, words for who cannot see them, and the plots that more than one week draws."""

import base64
import io
import textwrap
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from PIL import Image

from coursework.images import join_tiles
from coursework.records import build_dir

# Okabe and Ito's palette, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
GREY = "#6B7280"

STYLE = {
    "figure.figsize": (9, 4),
    "figure.dpi": 100,
    "figure.facecolor": "white",  # opaque, so that labels stay legible on a dark page
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]),
    "grid.color": "#E5E7EB",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "viridis",
}


def use_style() -> None:
    """Give every figure of this process the course's look, and in a notebook a description for who cannot see it."""
    plt.rcParams.update(STYLE)
    if get_ipython():
        show_as("png")


def show_as(kind: str, **options) -> None:
    """Have the notebook keep figures as "png" or "jpeg", each with `describe` of it as alternative text."""
    set_matplotlib_formats(kind, **options)
    formatter = get_ipython().display_formatter.formatters[f"image/{kind}"]
    draw, keep = formatter.lookup_by_type(Figure), reduce_colours if kind == "png" else str
    formatter.for_type(Figure, lambda figure: (keep(draw(figure)), {"alt": describe(figure)}))


def reduce_colours(encoded: str) -> str:
    """A PNG in base64 with at most 256 colours, which for plots looks the same and has a third of the size."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        palette = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        palette.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def describe(figure: Figure) -> str:
    """What a figure shows, in at most 300 characters: its title, and of each panel title, axes and legend."""
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and (ax.axison or ax.has_data())]
    number = f"Figure of {len(panels)} panels" if len(panels) > 1 else "Figure"
    parts = dict.fromkeys(filter(None, [figure.get_suptitle(), *map(describe_panel, panels)]))
    return textwrap.shorten(f"{number}: {'; '.join(parts) or 'pictures'}.", 300, placeholder=" …")


def describe_panel(ax: Axes) -> str:
    """What a panel shows: its title, its axes' labels, and the names of what is drawn."""
    title = next(filter(None, (ax.get_title(loc) for loc in ("left", "center", "right"))), "")
    axes = " against ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel()))) if ax.axison else ""
    names = ", ".join(text.get_text() for text in ax.get_legend().get_texts()) if ax.get_legend() else ""
    return ", ".join(filter(None, (title, axes, f"for {names}" if names else "")))


def heat_map(ax: Axes, values: np.ndarray, rows: list, columns: list, form: str = ".3f") -> None:
    """Draw a table of numbers, shape (len(rows), len(columns)), as coloured cells with each number in its cell."""
    image = ax.imshow(values, aspect="auto")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value < middle else "black"
        ax.text(column, row, format(value, form), ha="center", va="center", color=colour, fontsize=9)
    ax.figure.colorbar(image, ax=ax, pad=0.01)


@contextmanager
def as_jpeg(quality: int = 80):
    """Figures that a notebook shows inside are kept as JPEG: a tenth of the size for what is full of photographs."""
    show_as("jpeg", pil_kwargs={"quality": quality})
    try:
        yield
    finally:
        show_as("png")


def image_grid(images, titles: list[str] | None = None, columns: int = 8, size: float = 1.5) -> Figure:
    """Pictures, each (H, W) or (H, W, 3), side by side in rows of `columns`, with titles."""
    rows = -(-len(images) // columns)
    room = size * (1.2 if titles else 1)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, room * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, cmap="gray", interpolation="antialiased")
        if titles:
            ax.set_title(titles[number], fontsize=8.5, fontweight="normal", loc="center", pad=3)
    return figure


def image_rows(rows: dict[str, np.ndarray], size: float = 0.95, titles: list[str] | None = None) -> Figure:
    """Rows of pictures, each row (k, S, S) or (k, S, S, 3) with its name at the left, and titles above the columns."""
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(size * columns + 1.2, size * len(rows) + 0.3), squeeze=False
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.grid(visible=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=False):
            axis.imshow(
                image.squeeze(),
                cmap="gray_r" if image.squeeze().ndim == 2 else None,
                vmin=0,
                vmax=1 if image.dtype != np.uint8 else None,
            )
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for axis, title in zip(axes[0], titles or [], strict=False):
        axis.set_title(title, fontsize=9, fontweight="normal", loc="center", pad=3)
    return figure


def tiles(images: np.ndarray, size: float = 6.0) -> Figure:
    """A block of pictures without gaps, (rows, columns, S, S) or (rows, columns, S, S, 3); `size` is its width."""
    rows, columns = images.shape[:2]
    figure, ax = plt.subplots(figsize=(size, size * rows / columns))
    ax.imshow(join_tiles(images), cmap="gray_r", vmin=0, vmax=1)  # the range is for grey ones
    ax.axis("off")
    return figure


def save_cover(figure: Figure, week: str) -> None:
    """Save the figure that stands for the week in the READMEs, as `build/<week>/<profile>/cover.png`."""
    figure.savefig(build_dir(week) / "cover.png", dpi=100, metadata={"Software": None})
