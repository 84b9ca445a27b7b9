"""Drawn building sites: sky, structures, machines, workers near and far; with the boxes of all heads."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from coursework.drawing import light, photograph, rasterise
from coursework.svg import box, disc, fade, shape, tint
from hardhat.workers import FEET, HATS, VIEWS, WEAR, body_outline, draw_body, draw_head, draw_helmet

SIDE = 416  # pixels, as the photographs
SEEN = 0.4  # of a head must be visible for it to be labelled
SMALLEST = 8  # pixels, as high as a head must be for that


@dataclass(frozen=True)
class Scene:
    """A picture and its boxes of heads: rows of xmin, ymin, xmax, ymax in pixels, with a name each; and of persons."""

    picture: Image.Image
    boxes: np.ndarray
    names: list[str]
    bodies: np.ndarray


def draw_scene(rng: np.random.Generator, helmets: float | None = None) -> Scene:
    """A random site; `helmets` is the share of workers with a hard hat, drawn at random if it is not given."""
    time = str(rng.choice(["day", "day", "overcast", "dust", "dusk", "night"]))
    horizon = rng.uniform(0.3, 0.62) * SIDE
    share = float(rng.choice([0.0, 0.4, 0.75, 0.95, 1.0])) if helmets is None else helmets
    back = draw_sky(rng, time, horizon) + several(rng, FAR, 2, 4, horizon) + draw_ground(rng, horizon)
    back += several(rng, NEAR, 1, 4, horizon)
    front = "".join(draw_distractor(rng, horizon) for _ in range(rng.integers(1, 4)))
    heads, bodies = [], []
    for size in np.sort(draw_sizes(rng)):  # who is near hides who is far
        svg, head, body = draw_worker(rng, size, horizon, share)
        front += svg
        heads.append(head)
        bodies.append(body)
    document = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">{back}{front}</svg>'
    picture = develop(rasterise(document, SIDE, SIDE), time, rng)
    return label(picture, heads, bodies)


def draw_sizes(rng: np.random.Generator) -> np.ndarray:
    """Heights of the heads, pixels: a few near, or a crowd that is far."""
    number = int(rng.integers(1, 9))
    middle = rng.uniform(np.log(16), np.log(60))
    return np.exp(rng.normal(middle, 0.4, number)).clip(8, 95)


def draw_worker(rng: np.random.Generator, size: float, horizon: float, share: float):
    """SVG of one, the outline and kind of the head, and what the body hides; in pixels."""
    helmet, view = bool(rng.random() < share), str(rng.choice(VIEWS))
    head = draw_head(rng, helmet, view, str(rng.choice(WEAR)))
    held = draw_helmet(rng, 0, "back")[0] if not helmet and rng.random() < 0.2 else ""
    body = draw_body(rng, view, held)
    scale = size / 100
    feet = horizon + (SIDE - horizon) * (size / 60) ** 0.8 + rng.normal(0, 12)  # who is near stands lower
    x, y = rng.uniform(-0.02, 1.02) * SIDE, max(feet - FEET * scale, rng.uniform(0.02, 0.55) * SIDE)
    tilt = rng.normal(0, 6)
    place = f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:.3f})">'
    svg = f'{place}{body}<g transform="rotate({tilt:.1f})">{head.svg}</g></g>'
    angle = np.deg2rad(tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    outline = head.outline @ turn * scale + (x, y)
    return svg, (outline, helmet), body_outline() * scale + (x, y)


def label(picture: Image.Image, heads: list, bodies: list) -> Scene:
    """Boxes of the heads that can be seen well enough; who comes later hides who came before."""
    owner = Image.new("I", (SIDE, SIDE), 0)
    pen = ImageDraw.Draw(owner)
    for number, ((outline, _), body) in enumerate(zip(heads, bodies, strict=True), 1):
        pen.polygon([tuple(point) for point in body], fill=-number)
        pen.polygon([tuple(point) for point in hull(outline)], fill=number)
    owner, boxes, names, persons = np.asarray(owner), [], [], []
    for number, ((outline, helmet), body) in enumerate(zip(heads, bodies, strict=True), 1):
        low, high = outline.min(axis=0), outline.max(axis=0)
        area = polygon_area(hull(outline))
        if (owner == number).sum() < SEEN * area or high[1] - low[1] < SMALLEST:
            continue
        found = np.array([*low, *high]).clip(0, SIDE).round()
        if (found[2:] - found[:2]).min() >= 4:
            boxes.append(found)
            names.append("helmet" if helmet else "head")
            whole = np.concatenate([outline, body])
            persons.append(np.array([*whole.min(axis=0), *whole.max(axis=0)]).clip(0, SIDE).round())
    return Scene(picture, np.array(boxes).reshape(-1, 4), names, np.array(persons).reshape(-1, 4))


def hull(points: np.ndarray) -> np.ndarray:
    """The outline that contains all points, in order."""
    return points[ConvexHull(points).vertices]


def polygon_area(points: np.ndarray) -> float:
    """By the shoelace formula."""
    x, y = points.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def several(rng, kinds: list[Callable], low: int, high: int, horizon: float) -> str:
    """From `low` to `high` things, each somewhere along the width."""
    chosen = rng.choice(len(kinds), rng.integers(low, high + 1))
    return "".join(kinds[which](rng, rng.uniform(-0.1, 0.9) * SIDE, horizon) for which in chosen)


SKIES = {
    "day": ((0.45, 0.7), (0.4, 0.7), (0.54, 0.62)),
    "overcast": ((0.65, 0.85), (0.0, 0.12), (0.5, 0.65)),
    "dust": ((0.6, 0.78), (0.2, 0.45), (0.08, 0.13)),
    "dusk": ((0.35, 0.6), (0.35, 0.7), (0.98, 1.1)),
    "night": ((0.05, 0.15), (0.3, 0.6), (0.6, 0.7)),
}


def draw_sky(rng, time: str, horizon: float) -> str:
    """A sky of that time of the day, with clouds or stars' absence."""
    above, below = tint(rng, *SKIES[time]), tint(rng, tuple(min(v + 0.18, 0.95) for v in SKIES[time][0]), (0.05, 0.4))
    clouds = ""
    for _ in range(int(rng.integers(0, 6))):
        x, y, wide, high = rng.uniform((0, 0, 25, 6), (SIDE, horizon, 90, 20))
        clouds += disc(x, y, wide, "#fff", high, 'opacity="0.35"')
    return fade("sky", above, below) + box(0, 0, SIDE, SIDE, "url(#sky)") + (clouds if time != "night" else "")


def draw_ground(rng, horizon: float) -> str:
    """Sand, mud or concrete, with piles and ruts."""
    near, far = tint(rng, (0.3, 0.6), (0.05, 0.4), (0.06, 0.12)), tint(rng, (0.45, 0.72), (0.03, 0.3), (0.06, 0.12))
    ruts = ""
    for _ in range(int(rng.integers(1, 6))):
        start, bend, end, wide = rng.uniform((0, 0, -80, 2), (SIDE, SIDE, SIDE + 80, 9))
        line = f"M {start:.0f} {horizon:.0f} Q {bend:.0f} {horizon + 60:.0f} {end:.0f} {SIDE}"
        ruts += stroke(line, "#000", wide, 0.12)
    x, size = rng.uniform(0, SIDE), rng.uniform(30, 110)
    pile = shape([(x - size, horizon + 14), (x, horizon - size * 0.35), (x + size, horizon + 14)], near)
    return fade("ground", far, near) + box(0, horizon, SIDE, SIDE, "url(#ground)") + pile + ruts


def stroke(line: str, colour: str, width: float, opacity: float = 1.0) -> str:
    """A line along an SVG path."""
    return f'<path d="{line}" stroke="{colour}" stroke-width="{width:.1f}" opacity="{opacity}" fill="none"/>'


def building(rng, x, horizon) -> str:
    """A shell of concrete: floors on columns, some walls, some windows."""
    floors, bays = int(rng.integers(2, 7)), int(rng.integers(2, 6))
    high, wide, grey = rng.uniform(24, 46), rng.uniform(26, 52), tint(rng, (0.45, 0.75), (0, 0.12))
    inside, top = tint(rng, (0.15, 0.4), (0, 0.2)), horizon - floors * high
    parts = [box(x, top, bays * wide, floors * high, inside)]
    for row in range(floors):
        for column in range(bays):
            if rng.random() < 0.35:
                parts.append(box(x + column * wide, top + row * high, wide, high, tint(rng, (0.5, 0.8), (0.05, 0.35))))
        parts.append(box(x - 3, top + row * high - 3, bays * wide + 6, 6, grey))
    parts += [box(x + column * wide - 3, top, 6, floors * high, grey) for column in range(bays + 1)]
    return "".join(parts)


def scaffold(rng, x, horizon) -> str:
    """Poles, planks and braces, sometimes behind a net."""
    rows, columns, step = int(rng.integers(2, 6)), int(rng.integers(2, 7)), rng.uniform(28, 44)
    colour, top, wide = tint(rng, (0.3, 0.65), (0, 0.5)), horizon - rows * step, columns * step
    poles = [(x + k * step, top, x + k * step, horizon) for k in range(columns + 1)]
    braces = [
        (x + k * step, top + r * step, x + (k + 1) * step, top + (r + 1) * step)
        for k in range(columns)
        for r in range(rows)
        if rng.random() < 0.4
    ]
    lines = "".join(stroke(f"M {a:.0f} {b:.0f} L {c:.0f} {d:.0f}", colour, 2.5) for a, b, c, d in poles + braces)
    planks = "".join(box(x - 4, top + r * step - 2, wide + 8, 5, "#b58a55") for r in range(rows))
    cloth = tint(rng, (0.35, 0.6), (0.3, 0.7))
    net = box(x, top, wide, rows * step, cloth, 0, 'opacity="0.25"') if rng.random() < 0.4 else ""
    return net + lines + planks


def crane(rng, x, horizon) -> str:
    """A tower crane with its load."""
    top, arm, colour = rng.uniform(6, 0.3 * SIDE), rng.uniform(80, 190), pick(rng, "#e0a800", "#d9d9d9", "#c8442b")
    mast = box(x, top, 9, horizon - top, colour)
    mast += "".join(box(x, y, 9, 2, "#000", 0, 'opacity="0.3"') for y in np.arange(top, horizon, 9))
    tip = shape([(x + 4, top - 12), (x + 12, top + 8), (x - 4, top + 8)], colour)
    jib = box(x - arm * 0.35, top + 8, arm * 1.35, 6, colour) + tip
    hook, drop = x + arm * rng.uniform(0.4, 0.95), rng.uniform(20, 110)
    load = box(hook - 12, top + 12 + drop, 26, 8, tint(rng, (0.3, 0.6)))
    return mast + jib + box(hook, top + 12, 1.5, drop, "#333") + load


def trees(rng, x, horizon) -> str:
    """A row of trees, or hills."""
    green, number = tint(rng, (0.18, 0.4), (0.2, 0.5), (0.22, 0.4)), int(rng.integers(3, 9))
    return "".join(disc(x + k * 17, horizon - rng.uniform(2, 14), rng.uniform(10, 22), green) for k in range(number))


def excavator(rng, x, horizon) -> str:
    """A machine with tracks, cabin and arm."""
    base, size, colour = horizon + rng.uniform(5, 60), rng.uniform(0.6, 1.4), pick(rng, "#e8a600", "#d8622a", "#c9c9c9")
    body = box(0, -30, 70, 26, colour, 4) + box(6, -58, 30, 30, "#2d3a45", 3) + box(-6, -8, 84, 18, "#2a2622", 9)
    bucket = shape([(142, -36), (164, -36), (156, -12), (138, -14)], "#3a3a3a")
    arm = stroke("M 60 -30 L 110 -86 L 150 -34", colour, 10) + bucket
    return f'<g transform="translate({x:.0f} {base:.0f}) scale({size:.2f})">{body}{arm}</g>'


def pick(rng, *names: str) -> str:
    """One of some colours."""
    return str(rng.choice(names))


def stack(rng, x, horizon) -> str:
    """Bricks, pipes or boards on a pile."""
    y, colour, kind = horizon + rng.uniform(10, 110), tint(rng, (0.3, 0.65), (0.15, 0.6), (0, 0.14)), rng.integers(3)
    if kind == 0:
        return "".join(box(x + 15 * k, y + 8 * r, 13, 7, colour) for r in range(4) for k in range(6))
    if kind == 1:
        rings = [(x + 20 * k + 10 * (r % 2), y - 16 * r) for r in range(3) for k in range(4 - r)]
        return "".join(disc(a, b, 10, colour) + disc(a, b, 6, "#222") for a, b in rings)
    return "".join(box(x, y + 5 * r, 110, 4, colour) for r in range(5))


def fence(rng, x, horizon) -> str:
    """A barrier across, in two colours."""
    y, colour = horizon + rng.uniform(4, 70), pick(rng, "#d8232a", "#e8731a", "#1f5fb4")
    posts = "".join(box(k, y, 4, 34, "#888") for k in range(0, SIDE, 60))
    return posts + "".join(box(k, y + 4, 30, 9, colour if (k // 30) % 2 else "#f4f4f0") for k in range(0, SIDE, 30))


FAR = [building, building, scaffold, crane, trees]
NEAR = [excavator, stack, fence, scaffold, stack]


def draw_distractor(rng, horizon: float) -> str:
    """What looks like a helmet or a head, and is none: lamp, bucket, ball, cone, barrel, helmets that nobody wears."""
    x, y, colour = rng.uniform(0, SIDE), rng.uniform(horizon * 0.8, SIDE), str(rng.choice(HATS))
    size, glow = rng.uniform(0.15, 0.75), disc(0, -10, 70, "#fff2b0", None, 'opacity="0.3"')
    kinds = {
        "lamp": box(-3, 0, 6, 260, "#555") + glow + disc(0, -10, 44, "#fff7d6"),
        "bucket": shape([(-40, 0), (40, 0), (30, 70), (-30, 70)], colour) + disc(0, 0, 40, "#000", 9, 'opacity="0.35"'),
        "turned bucket": shape([(-30, 0), (30, 0), (42, 70), (-42, 70)], colour) + disc(0, 0, 30, colour, 7),
        "ball": disc(0, 0, 42, colour) + disc(-14, -14, 12, "#fff", None, 'opacity="0.5"'),
        "cone": shape([(-8, -70), (8, -70), (34, 50), (-34, 50)], "#ee5a1c") + box(-24, -10, 48, 14, "#fff"),
        "barrel": box(-45, -60, 90, 130, colour, 10) + box(-45, -10, 90, 10, "#000", 0, 'opacity="0.25"'),
        "helmet on the ground": draw_helmet(rng, int(rng.choice([-1, 0, 1])), "back", colour)[0],
    }
    svg = kinds[str(rng.choice(list(kinds)))]
    return f'<g transform="translate({x:.0f} {y:.0f}) scale({size:.2f})">{svg}</g>'


def develop(picture: Image.Image, time: str, rng: np.random.Generator) -> Image.Image:
    """The photograph of a scene: light of the hour, dust, focus and noise."""
    exposure = {"day": 0.1, "overcast": -0.1, "dust": 0.0, "dusk": -0.7, "night": -1.5}[time]
    warmth = {"day": 0.1, "overcast": -0.2, "dust": 0.5, "dusk": 0.5, "night": -0.4}[time]
    picture = light(picture, rng, rng.normal(exposure, 0.25), rng.normal(warmth, 0.25), rng.uniform(0.75, 1.15))
    if time == "dust":
        haze = Image.new("RGB", picture.size, (205, 180, 140))
        picture = Image.blend(picture, haze, rng.uniform(0.15, 0.45))
    if time == "night":
        picture = add_lamps(picture, rng)
    return photograph(picture, rng, rng.exponential(0.5), rng.exponential(4) + (4 if time == "night" else 0))


def add_lamps(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Floodlights that brighten what is near them."""
    pixels = np.asarray(picture, dtype=np.float32)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    gain = np.ones((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x, y, reach = rng.uniform(0, SIDE), rng.uniform(0, 0.7 * SIDE), rng.uniform(60, 160)
        square = (columns - np.float32(x)) ** 2 + (rows - np.float32(y)) ** 2
        gain += np.float32(rng.uniform(1, 2.5)) * np.exp(-square / np.float32(2 * reach**2))
    warm = np.array([1.05, 1.0, 0.85], np.float32)
    return Image.fromarray((pixels * gain[..., None] * warm).clip(0, 255).astype(np.uint8))
