"""Pieces of SVG: what scenes are put together from. Coordinates are the scene's own, y downwards."""

import colorsys

import numpy as np


def tint(rng: np.random.Generator, lightness: tuple, saturation: tuple = (0.1, 0.5), hue: tuple = (0, 1)) -> str:
    """A random colour, "#rrggbb", with each part of HLS drawn from its range; all are 0 to 1."""
    h, s, lum = rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*lightness)
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(h, lum, s))


def box(x, y, width, height, fill, radius=0, more="") -> str:
    """A rectangle with its upper left corner at (x, y)."""
    size = f'width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{fill}" {more}/>'


def disc(x, y, rx, fill, ry=None, more="") -> str:
    """An ellipse about (x, y); a circle if `ry` is left out."""
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{rx if ry is None else ry:.1f}" fill="{fill}" {more}/>'
    )


def shape(points, fill, more="") -> str:
    """A polygon through `points`, pairs of x and y."""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{corners}" fill="{fill}" {more}/>'


def fade(name: str, above: str, below: str) -> str:
    """A gradient from one colour down to another, to be filled with as url(#name)."""
    stops = f'<stop offset="0" stop-color="{above}"/><stop offset="1" stop-color="{below}"/>'
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{stops}</linearGradient>'
