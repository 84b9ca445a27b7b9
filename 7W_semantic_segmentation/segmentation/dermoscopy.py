"""Synthetic dermoscopy: a lesion on skin as a dermatoscope shows it, with its exact mask.

Pigment absorbs light on its way in and out: a colour is skin · exp(-density · absorption). Melanin absorbs more blue
than red, so a denser lesion is both darker and browner.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

WIDTH, HEIGHT = 384, 288  # pixels; a dermatoscope's 4 : 3
MELANIN, BLOOD = np.array([0.52, 1.0, 1.44]), np.array([0.15, 0.85, 0.75])  # absorption of red, green, blue
SKIN, SKIN_SPREAD, SKIN_TINT = np.array([238.0, 194.0, 171.0]), 24.0, 11.0  # as bright as PH2's, fully lit; of 255
VEIL = np.array([105.0, 112.0, 125.0])  # blue-grey, of pigment deep in the skin
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)


@dataclass(frozen=True)
class Case:
    """The properties of one lesion; lengths in pixels."""

    area: float  # fraction of the image, may exceed 1
    ratio: float  # shorter axis divided by the longer one
    ragged: float  # amplitude of the border's irregularity, as a fraction of the radius
    softness: float  # of the border
    density: float  # of the pigment, typically 0.7
    tones: float  # relative variation of the density inside
    hairs: int
    hair_width: float


def draw_case(rng: np.random.Generator) -> Case:
    """The properties of a random lesion; 15 % each are faint, hairy, or of two tones."""
    kind = rng.choice(["usual", "faint", "hairy", "two tones"], p=[0.55, 0.15, 0.15, 0.15])
    large = rng.random() < 0.2
    return Case(
        area=rng.uniform(0.45, 1.1) if large else float(np.clip(rng.lognormal(np.log(0.2), 0.5), 0.03, 0.6)),
        ratio=rng.uniform(0.55, 0.95),
        ragged=rng.uniform(0.04, 0.26),
        softness=rng.uniform(6, 11) if kind == "faint" else rng.uniform(1.5, 5),
        density=rng.uniform(0.13, 0.24) if kind == "faint" else float(np.clip(rng.lognormal(-0.35, 0.38), 0.3, 1.6)),
        tones=rng.uniform(0.6, 0.85) if kind == "two tones" else rng.uniform(0.2, 0.5),
        hairs=int(rng.integers(18, 45)) if kind == "hairy" else int(rng.choice([0, rng.integers(1, 12)])),
        hair_width=rng.uniform(2, 3.6) if kind == "hairy" else rng.uniform(0.8, 1.8),
    )


def draw_lesion(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A image, uint8 (HEIGHT, WIDTH, 3), and its mask, uint8 (HEIGHT, WIDTH) of 0 and 1."""
    case = draw_case(rng)
    visible = draw_aperture(rng)
    depth, mask = draw_border(case, rng, visible > 0.5)
    image = draw_skin(rng)
    pigment = draw_pigment(case, depth, rng)
    image = image * np.exp(-pigment[..., None] * draw_absorption(rng))
    image = add_veil(image, depth, rng)
    image = add_hairs(image, case, rng)
    image = add_bubbles(image, rng)
    image = add_ruler(image, rng)
    return expose(image * visible[..., None], rng), mask


def smooth_noise(rng: np.random.Generator, scale: float) -> np.ndarray:
    """Noise with patches of about `scale` pixels, (HEIGHT, WIDTH), of mean 0 and standard deviation 1."""
    size = max(3, round(WIDTH / scale) + 3), max(3, round(HEIGHT / scale) + 3)
    coarse = Image.fromarray(rng.normal(size=size[::-1]).astype(np.float32))
    box = (1, 1, min(1 + WIDTH / scale, size[0] - 1), min(1 + HEIGHT / scale, size[1] - 1))
    noise = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box), dtype=np.float64)
    return (noise - noise.mean()) / (noise.std() + 1e-9)


def draw_aperture(rng: np.random.Generator) -> np.ndarray:
    """The light that reaches each pixel, (HEIGHT, WIDTH), from 0 to 1; the corners are usually dark (vignetting)."""
    radius = rng.uniform(0.5, 0.6) * WIDTH if rng.random() < 0.8 else rng.uniform(0.62, 0.8) * WIDTH
    x, y = WIDTH * rng.normal(0.5, 0.015), HEIGHT * rng.normal(0.5, 0.02)
    distance = np.hypot(COLUMNS - x, ROWS - y)
    rim = 1 / (1 + np.exp((distance - radius) / rng.uniform(3, 14)))
    stray = rng.uniform(0.06, 0.24)  # light that reaches the dark corners
    return (stray + (1 - stray) * rim) * (1 - rng.uniform(0.12, 0.45) * (distance / radius).clip(0, 1) ** 3)


def draw_border(case: Case, rng: np.random.Generator, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each pixel from the border, in pixels, negative outside; and the mask of the `visible` pixels."""
    radius = np.sqrt(case.area * WIDTH * HEIGHT / np.pi)
    turn, axis = rng.uniform(0, np.pi), np.sqrt(case.ratio)
    x, y = COLUMNS - WIDTH * rng.normal(0.49, 0.06), ROWS - HEIGHT * rng.normal(0.5, 0.06)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    depth = radius - np.hypot(along * axis, across / axis)
    depth += case.ragged * radius * (0.75 * smooth_noise(rng, 0.9 * radius) + 0.35 * smooth_noise(rng, 0.25 * radius))
    depth += rng.uniform(0.5, 2) * smooth_noise(rng, 7)
    parts, number = ndimage.label(depth > 0)
    if number > 1:  # only the largest component is the lesion
        largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
        depth = np.where((depth > 0) & (parts != largest), -depth, depth)
    mask = ndimage.binary_fill_holes(depth > 0)
    depth = np.where(mask & (depth <= 0), 1.0, depth)
    return depth, (mask & visible).astype(np.uint8)


def draw_skin(rng: np.random.Generator) -> np.ndarray:
    """Bare skin, (HEIGHT, WIDTH, 3), 0 to 255: one tone, with varying blood, pores and freckles."""
    tone = SKIN + rng.normal(0, SKIN_SPREAD) + rng.normal(0, SKIN_TINT, 3) * (0.5, 1, 1.3)
    tone = np.clip(tone, 70, 252)
    blood = 0.05 * smooth_noise(rng, 130) + 0.015 * smooth_noise(rng, 30) + 0.01 * smooth_noise(rng, 4)
    melanin = 0.02 * smooth_noise(rng, 80) + rng.uniform(0.004, 0.018) * smooth_noise(rng, 7)
    for _ in range(int(rng.choice([0, 0, rng.integers(1, 9)]))):  # freckles, which do not belong to the lesion
        x, y, size = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(2, 7)
        melanin = melanin + rng.uniform(0.1, 0.35) * np.exp(-((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / (2 * size**2))
    return tone * np.exp(-blood[..., None] * BLOOD - melanin[..., None] * MELANIN)


def draw_absorption(rng: np.random.Generator) -> np.ndarray:
    """Absorption of red, green and blue by this lesion, (3,): mostly melanin, sometimes much blood."""
    blood = rng.uniform(0.4, 0.8) if rng.random() < 0.12 else rng.uniform(0, 0.2)
    return (1 - blood) * MELANIN + blood * BLOOD


def draw_pigment(case: Case, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The density of pigment, (HEIGHT, WIDTH): smooth at the border, in zones, with a pigment network or globules."""
    inside = 1 / (1 + np.exp(-np.clip(depth / case.softness, -30, 30)))
    radius = max(depth.max(), 20)
    zones = np.tanh(1.5 * smooth_noise(rng, 0.9 * radius)) + 0.5 * smooth_noise(rng, 0.3 * radius)
    centre = rng.uniform(-0.1, 0.5) * (depth / radius).clip(0, 1)
    density = 1 + case.tones * zones + centre + draw_texture(rng)
    return case.density * inside * density.clip(0.25, 2.5)


def draw_texture(rng: np.random.Generator) -> np.ndarray:
    """A pigment network, globules or blotches, (HEIGHT, WIDTH), with varying strength."""
    size = rng.uniform(6, 13)
    grain = 0.1 * smooth_noise(rng, 3)
    if rng.random() < 0.35:
        return rng.uniform(0.05, 0.25) * smooth_noise(rng, size) + grain
    turn = rng.uniform(0, np.pi)
    x, y = (axis + 0.8 * size * smooth_noise(rng, 2.5 * size) for axis in (COLUMNS, ROWS))
    waves = [np.cos(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) / size) for a in turn + np.array([0, 1, 2]) * np.pi / 3]
    net = sum(waves) / 3 + 0.35 * smooth_noise(rng, 0.6 * size)  # high inside the meshes, low between them
    sign = rng.choice([-1, 1], p=[0.6, 0.4])  # network, or globules
    strength = rng.uniform(0.08, 0.4) * (0.5 + 0.6 * smooth_noise(rng, 60)).clip(0, 1.4)
    return sign * strength * np.tanh(2 * net) + grain


def add_veil(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In 22 % of the images, a part of the lesion has a blue-grey veil or has faded to a scar."""
    if rng.random() > 0.22:
        return image
    colour = VEIL if rng.random() < 0.6 else image.mean(axis=(0, 1)) * 1.1
    where = 1 / (1 + np.exp(-4 * (smooth_noise(rng, 60) - 0.4))) / (1 + np.exp(-(depth - 8) / 4))
    cover = rng.uniform(0.3, 0.65) * where[..., None]
    return image * (1 - cover) + colour * cover


def add_hairs(image: np.ndarray, case: Case, rng: np.random.Generator) -> np.ndarray:
    """Hairs, mostly in one direction, some curved."""
    canvas = Image.new("L", (2 * WIDTH, 2 * HEIGHT))
    pen, direction = ImageDraw.Draw(canvas), rng.uniform(0, np.pi)
    for _ in range(case.hairs):
        length, angle = rng.uniform(80, 420), direction + rng.normal(0, 0.35)
        start = rng.uniform((0, 0), (2 * WIDTH, 2 * HEIGHT))
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        bend = (start + end) / 2 + rng.normal(0, 0.22 * length, 2)
        t = np.linspace(0, 1, 24)[:, None]
        path = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end  # a quadratic Bézier curve
        width = max(1, round(2 * case.hair_width * rng.uniform(0.7, 1.2)))
        pen.line([tuple(point) for point in path], fill=int(rng.integers(130, 235)), width=width, joint="curve")
    cover = np.asarray(canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.float64)[..., None] / 255
    colour = np.array([48.0, 32.0, 26.0]) * rng.uniform(0.6, 1.8)
    return image * (1 - cover) + colour * cover


def add_bubbles(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bubbles in the gel under the glass: bright rims with a dark inner edge."""
    if rng.random() > 0.25:
        return image
    for _ in range(int(rng.integers(1, 8))):
        radius, x, y = rng.uniform(3, 16), rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        distance = np.hypot(COLUMNS - x, ROWS - y) - radius
        rim = np.exp(-((distance / 1.3) ** 2)) - 0.5 * np.exp(-(((distance + 2.5) / 1.5) ** 2))
        lit = 0.6 + 0.4 * np.cos(np.arctan2(ROWS - y, COLUMNS - x) + 0.8)
        image = image + rng.uniform(25, 70) * (rim * lit)[..., None]
    return image


def add_ruler(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A ruler etched into the glass, at the top or the bottom."""
    if rng.random() > 0.12:
        return image
    canvas = Image.new("L", (WIDTH, HEIGHT))
    pen, step = ImageDraw.Draw(canvas), float(rng.uniform(9, 16))
    bottom, line = rng.random() < 0.5, 0.9 * HEIGHT if rng.random() < 0.5 else 0.1 * HEIGHT
    for number in range(round(WIDTH / step)):
        tall = 12 if number % 5 == 0 else 6
        ends = [(number * step, line), (number * step, line - tall if bottom else line + tall)]
        pen.line(ends, fill=200, width=1)
    cover = np.asarray(canvas, dtype=np.float64)[..., None] / 255
    return image * (1 - cover) + rng.uniform(20, 60) * cover


def expose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The camera: uneven light, slight blur, noise; returns uint8."""
    direction = rng.uniform(0, 2 * np.pi)
    slope = (COLUMNS / WIDTH - 0.5) * np.cos(direction) + (ROWS / HEIGHT - 0.5) * np.sin(direction)
    image = image * (rng.normal(1, 0.06) + rng.uniform(0, 0.25) * slope)[..., None]
    image = ndimage.gaussian_filter(image, (*[rng.uniform(0.3, 1.1)] * 2, 0))
    return (image + rng.normal(0, rng.uniform(1, 4), image.shape)).round().clip(0, 255).astype(np.uint8)
