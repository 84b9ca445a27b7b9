"""The backgrounds: rooms and outdoor scenes as SVG, composed anew for every image.

A scene is drawn in its own coordinates, 200 × 200, y downwards. All random choices use `rng`.
"""

from collections.abc import Callable

import numpy as np

from coursework.svg import box, disc, fade, shape, tint

SIZE = 200
HORIZON = 128  # where the floor, or the ground, begins, on average


def draw_scene(rng: np.random.Generator, zoom: float = 1.0) -> str:
    """A random room or place as an SVG document; `zoom` above 1 shows a part of it."""
    part = room if rng.random() < 0.5 else place
    side = SIZE / zoom
    left, top = rng.uniform(0, SIZE - side, 2)
    body = part(rng, HORIZON + rng.uniform(-18, 18))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.1f} {top:.1f} {side:.1f} {side:.1f}">{body}</svg>'


def several(rng, kinds: dict[str, Callable], low: int, high: int, horizon: float) -> str:
    """`low` to `high` different objects of `kinds`, at random positions along the width."""
    names = rng.permutation(list(kinds))[: rng.integers(low, high + 1)]
    return "".join(kinds[name](rng, rng.uniform(5, SIZE - 45), horizon) for name in names)


def room(rng, horizon: float) -> str:
    """Wall, floor, and objects on them."""
    upper, lower = tint(rng, (0.5, 0.88)), tint(rng, (0.35, 0.75))
    wall = fade("wall", upper, lower) + box(0, 0, SIZE, SIZE, "url(#wall)") + wallpaper(rng, horizon)
    skirting = box(0, horizon - 5, SIZE, 5, tint(rng, (0.75, 0.95), (0, 0.2)))
    return wall + several(rng, HANGING, 1, 3, horizon) + skirting + floor(rng, horizon) + several(
        rng, STANDING, 1, 3, horizon
    )  # fmt: skip


def wallpaper(rng, horizon: float) -> str:
    """Stripes, dots, tiles, panels, or nothing."""
    ink, kind, step = tint(rng, (0.4, 0.9)), rng.integers(6), rng.uniform(9, 26)
    more, places = f'opacity="{rng.uniform(0.15, 0.5):.2f}"', np.arange(0, SIZE, step)
    if kind == 0:
        return "".join(box(x, 0, step / 2, horizon, ink, 0, more) for x in places)
    if kind == 1:
        dots = [(x + (row % 2) * step / 2, y) for row, y in enumerate(np.arange(0, horizon, step)) for x in places]
        return "".join(disc(x, y, step / 6, ink, None, more) for x, y in dots)
    if kind == 2:
        lines = "".join(box(x, 0, 1, horizon, ink, 0, more) for x in places)
        return lines + "".join(box(0, y, SIZE, 1, ink, 0, more) for y in np.arange(0, horizon, step * 0.6))
    if kind == 3:
        return box(0, horizon * rng.uniform(0.5, 0.7), SIZE, horizon, ink, 0, more)
    return ""


def floor(rng, horizon: float) -> str:
    """Boards, tiles or a carpet."""
    wood = tint(rng, (0.3, 0.6), (0.2, 0.55), (0.03, 0.12))
    base = wood if rng.random() < 0.6 else tint(rng, (0.3, 0.75))
    lines = [shape([(x * 3 - SIZE, SIZE), (x * 3 - SIZE + 2, SIZE), (x + 1, horizon), (x, horizon)], "#000",
                   'opacity="0.2"') for x in np.arange(0, SIZE, rng.uniform(10, 24))]  # fmt: skip
    rug = disc(rng.uniform(40, 160), (horizon + SIZE) / 2, rng.uniform(40, 80), tint(rng, (0.35, 0.7)), 18)
    return box(0, horizon, SIZE, SIZE, base) + "".join(lines) + (rug if rng.random() < 0.4 else "")


def window(rng, x, horizon) -> str:
    """A window with a piece of sky, and often curtains."""
    width, height, y = rng.uniform(34, 60), rng.uniform(40, 62), rng.uniform(12, 30)
    sky, frame = tint(rng, (0.2, 0.9), (0.3, 0.8), (0.5, 0.65)), tint(rng, (0.8, 0.97), (0, 0.2))
    cross = box(x + width / 2 - 1.5, y, 3, height, frame) + box(x, y + height / 2 - 1.5, width, 3, frame)
    cloth, drop = tint(rng, (0.35, 0.8), (0.2, 0.7)), height + 14
    curtains = box(x - 9, y - 6, 14, drop, cloth, 3) + box(x + width - 5, y - 6, 14, drop, cloth, 3)
    hills = shape([(x, y + height), (x + width * 0.4, y + height * 0.6), (x + width, y + height)], "#5d8a57")
    pane = box(x - 3, y - 3, width + 6, height + 6, frame) + box(x, y, width, height, sky) + hills
    return pane + cross + (curtains if rng.random() < 0.6 else "")


def picture(rng, x, horizon) -> str:
    """A framed picture."""
    width, height, y = rng.uniform(18, 40), rng.uniform(18, 40), rng.uniform(15, 45)
    frame, inner = tint(rng, (0.2, 0.5), (0.2, 0.6), (0.05, 0.15)), tint(rng, (0.5, 0.9))
    spot = disc(x + width * 0.6, y + height * 0.45, width * 0.2, tint(rng, (0.3, 0.8), (0.4, 0.9)))
    land = shape([(x, y + height), (x + width * 0.5, y + height * 0.5), (x + width, y + height)], tint(rng, (0.2, 0.6)))
    return box(x - 3, y - 3, width + 6, height + 6, frame) + box(x, y, width, height, inner) + spot + land


def shelf(rng, x, horizon) -> str:
    """Wall shelves with books in random colours."""
    wood, parts, width = tint(rng, (0.25, 0.5), (0.2, 0.5), (0.05, 0.12)), [], rng.uniform(45, 75)
    for y in np.arange(rng.uniform(25, 40), horizon - 8, 26):
        parts.append(box(x - 2, y, width + 4, 3.5, wood))
        edge = x
        while edge < x + width - 5:
            thick, tall = rng.uniform(3, 7), rng.uniform(13, 21)
            if rng.random() < 0.85:
                parts.append(box(edge, y - tall, thick, tall, tint(rng, (0.25, 0.7), (0.2, 0.8)), 0.6))
            edge += thick + 0.4
    return "".join(parts)


def sofa(rng, x, horizon) -> str:
    """A sofa with a cushion."""
    cloth, width = tint(rng, (0.25, 0.65), (0.15, 0.6)), rng.uniform(80, 130)
    back = box(x, horizon - 22, width, 40, cloth, 9) + box(x - 8, horizon - 8, 18, 38, cloth, 8)
    seat = box(x, horizon + 4, width, 22, tint(rng, (0.3, 0.7), (0.15, 0.6)), 5)
    return back + box(x + width - 10, horizon - 8, 18, 38, cloth, 8) + seat


def lamp(rng, x, horizon) -> str:
    """A standing lamp, lit or not."""
    glow = disc(x, horizon - 70, 38, "#fff3c4", None, 'opacity="0.35"') if rng.random() < 0.5 else ""
    shade = shape([(x - 9, horizon - 84), (x + 9, horizon - 84), (x + 16, horizon - 60), (x - 16, horizon - 60)],
                  tint(rng, (0.6, 0.92), (0.3, 0.8)))  # fmt: skip
    return glow + box(x - 1.2, horizon - 62, 2.4, 72, "#444") + disc(x, horizon + 10, 12, "#444", 3) + shade


def plant(rng, x, horizon) -> str:
    """A pot with leaves."""
    green = tint(rng, (0.25, 0.45), (0.3, 0.6), (0.25, 0.42))
    angles = rng.uniform(-65, 65, rng.integers(5, 10))
    turns = [f'transform="rotate({angle:.0f} {x:.1f} {horizon:.1f})"' for angle in angles]
    leaves = "".join(disc(x, horizon - rng.uniform(18, 32), 5, green, rng.uniform(14, 26), turn) for turn in turns)
    pot = [(x - 13, horizon - 4), (x + 13, horizon - 4), (x + 9, horizon + 20), (x - 9, horizon + 20)]
    return leaves + shape(pot, tint(rng, (0.35, 0.7), (0.2, 0.6), (0.0, 0.12)))


def table(rng, x, horizon) -> str:
    """A table with a cup, or a cupboard below a worktop."""
    wood, width = tint(rng, (0.3, 0.7), (0.15, 0.5), (0.03, 0.14)), rng.uniform(60, 110)
    legs = box(x + 4, horizon, 5, 40, wood) + box(x + width - 9, horizon, 5, 40, wood)
    doors = [box(x + 3 + k * width / 3, horizon + 4, width / 3 - 4, 34, tint(rng, (0.6, 0.9), (0, 0.3)), 2)
             for k in range(3)]  # fmt: skip
    cup = box(x + width * rng.uniform(0.2, 0.7), horizon - 15, 10, 11, tint(rng, (0.4, 0.9), (0.3, 0.9)), 2)
    return (legs if rng.random() < 0.5 else "".join(doors)) + box(x, horizon - 5, width, 7, wood, 2) + cup


def door(rng, x, horizon) -> str:
    """A closed door."""
    wood = tint(rng, (0.3, 0.8), (0.1, 0.5))
    frame = box(x - 3, horizon - 103, 50, 104, tint(rng, (0.7, 0.95), (0, 0.2)))
    panels = "".join(box(x + 6, horizon - y, 32, 38, "#000", 2, 'opacity="0.12"') for y in (92, 46))
    return frame + box(x, horizon - 100, 44, 100, wood) + panels + disc(x + 38, horizon - 48, 2.5, "#d9b44a")


def place(rng, horizon: float) -> str:
    """An outdoor scene: sky, horizon, ground, and objects."""
    far = FAR[rng.choice(list(FAR))](rng, 0, horizon)
    return sky(rng, horizon) + far + ground(rng, horizon) + several(rng, OUTSIDE, 1, 3, horizon)


def sky(rng, horizon: float) -> str:
    """Day, evening, overcast sky or night."""
    kind, x, y = rng.integers(4), rng.uniform(15, 185), rng.uniform(12, 60)
    if kind == 0:
        colours = tint(rng, (0.5, 0.7), (0.5, 0.9), (0.53, 0.6)), tint(rng, (0.8, 0.93), (0.3, 0.8), (0.5, 0.6))
        extra = disc(x, y, 12, "#fff2a8") + clouds(rng, "#ffffff")
    elif kind == 1:
        colours = tint(rng, (0.35, 0.6), (0.3, 0.7), (0.65, 0.95)), tint(rng, (0.6, 0.8), (0.6, 1), (0.02, 0.12))
        extra = disc(x, horizon - 8, 16, "#ffd9a0") + clouds(rng, "#f7b7a3")
    elif kind == 2:
        colours, extra = (tint(rng, (0.55, 0.7), (0, 0.12)), tint(rng, (0.75, 0.9), (0, 0.1))), clouds(rng, "#d9dde2")
    else:
        colours = tint(rng, (0.06, 0.16), (0.3, 0.7), (0.6, 0.72)), tint(rng, (0.18, 0.34), (0.3, 0.6), (0.6, 0.78))
        stars = "".join(disc(*rng.uniform((0, 0), (SIZE, horizon)), 0.8, "#fff") for _ in range(25))
        extra = disc(x, y, 10, "#f4f0d8") + stars
    return fade("sky", *colours) + box(0, 0, SIZE, SIZE, "url(#sky)") + extra


def clouds(rng, fill: str) -> str:
    """A few clouds, each of several ellipses."""
    heaps = rng.uniform((0, 10), (SIZE, 70), (rng.integers(0, 4), 2))
    puffs = [(x + dx, y + dy, r) for x, y in heaps for dx, dy, r in ((-13, 3, 9), (0, -2, 12), (13, 3, 8))]
    return "".join(disc(x, y, r, fill, r * 0.75, 'opacity="0.85"') for x, y, r in puffs)


def hills(rng, x, horizon) -> str:
    """Two ridges, the far one paler."""
    hue, parts = rng.uniform(0.2, 0.65), []
    for lightness, height in ((0.62, 55), (0.42, 30)):
        tops = [(step, horizon - rng.uniform(0.25, 1) * height) for step in np.linspace(0, SIZE, 7)]
        colour = tint(rng, (lightness, lightness + 0.1), (0.15, 0.4), (hue, hue + 0.05))
        parts.append(shape([(0, SIZE), *tops, (SIZE, SIZE)], colour, f'stroke="{colour}" stroke-linejoin="round"'))
    return "".join(parts)


def skyline(rng, x, horizon) -> str:
    """A row of adjoining houses with windows."""
    parts, edge = [], -5.0
    while edge < SIZE:
        width, height = rng.uniform(22, 45), rng.uniform(25, 95)
        wall, pane = tint(rng, (0.3, 0.75), (0.05, 0.5)), tint(rng, (0.2, 0.9), (0.1, 0.7), (0.1, 0.6))
        parts.append(box(edge, horizon - height, width, height, wall))
        rows, columns = np.arange(horizon - height + 6, horizon - 8, 14), np.arange(edge + 4, edge + width - 6, 10)
        parts += [box(x, y, 6, 8, pane) for y in rows for x in columns]
        edge += width
    return "".join(parts)


def cottages(rng, x, horizon) -> str:
    """Houses with pitched roofs."""
    parts = []
    for left in np.arange(rng.uniform(-20, 5), SIZE, rng.uniform(52, 75)):
        wall, roof, top = tint(rng, (0.6, 0.92)), tint(rng, (0.25, 0.5), (0.2, 0.6)), horizon - rng.uniform(34, 46)
        parts.append(box(left, top, 46, horizon - top, wall))
        parts.append(shape([(left - 5, top), (left + 23, top - 24), (left + 51, top)], roof))
        parts += [box(left + dx, top + 9, 10, 11, "#9cc3dd", 0, 'stroke="#fff"') for dx in (7, 29)]
        parts.append(box(left + 18, horizon - 20, 10, 20, tint(rng, (0.25, 0.5), (0.3, 0.7))))
    return "".join(parts)


def sea(rng, x, horizon) -> str:
    """Water to the horizon, with a sail."""
    water, mast = tint(rng, (0.3, 0.55), (0.4, 0.8), (0.5, 0.6)), rng.uniform(30, 170)
    sail = shape([(mast, horizon - 44), (mast, horizon - 24), (mast + 14, horizon - 24)], "#fafafa")
    foam = "".join(
        box(*rng.uniform((0, horizon - 18), (180, horizon - 2)), 16, 1, "#fff", 0, 'opacity="0.5"') for _ in range(9)
    )
    return box(0, horizon - 22, SIZE, 30, water) + sail + foam


def woods(rng, x, horizon) -> str:
    """A row of trees."""
    return "".join(tree(rng, place, horizon + 3) for place in np.arange(-5, SIZE, rng.uniform(15, 30)))


def ground(rng, horizon: float) -> str:
    """Grass, sand, asphalt or snow, with tufts or slabs."""
    hue, saturation, light = ((0.22, 0.36), (0.25, 0.55), (0.35, 0.55)), ((0.1, 0.13), (0.3, 0.6), (0.65, 0.8)), (
        (0.55, 0.7), (0, 0.1), (0.3, 0.6))  # fmt: skip
    hues, saturations, lights = (hue, saturation, light)[rng.integers(3)]
    specks = rng.uniform((0, horizon + 3), (SIZE, SIZE), (40, 2))
    texture = "".join(
        box(x, y, 5, 1.4, "#000" if k % 2 else "#fff", 0, 'opacity="0.14"') for k, (x, y) in enumerate(specks)
    )
    path = shape([(80, horizon), (95, horizon), (rng.uniform(120, 220), SIZE), (rng.uniform(20, 80), SIZE)],
                 tint(rng, (0.55, 0.8), (0, 0.3)))  # fmt: skip
    base = box(0, horizon, SIZE, SIZE, tint(rng, lights, saturations, hues))
    return base + texture + (path if rng.random() < 0.35 else "")


def tree(rng, x, horizon) -> str:
    """A tree, round or pointed."""
    green, tall = tint(rng, (0.22, 0.5), (0.25, 0.6), (0.15, 0.42)), rng.uniform(34, 66)
    trunk = box(x - 2.5, horizon - tall * 0.5, 5, tall * 0.5 + 4, "#6b4a32")
    if rng.random() < 0.35:
        return trunk + shape([(x - 15, horizon - 12), (x, horizon - tall - 12), (x + 15, horizon - 12)], green)
    crown = [(0, -0.75, 17), (-11, -0.55, 13), (11, -0.55, 13)]
    return trunk + "".join(disc(x + dx, horizon + dy * tall, r, green) for dx, dy, r in crown)


def fence(rng, x, horizon) -> str:
    """A picket fence across the image."""
    wood, step = tint(rng, (0.5, 0.95), (0, 0.4), (0.05, 0.12)), rng.uniform(9, 14)
    rails = box(0, horizon - 14, SIZE, 3, wood) + box(0, horizon + 2, SIZE, 3, wood)
    return rails + "".join(box(left, horizon - 24, step * 0.55, 36, wood, 2) for left in np.arange(0, SIZE, step))


def post(rng, x, horizon) -> str:
    """A street lamp."""
    return box(x - 1.5, 38, 3, horizon - 26, "#3d4248") + disc(
        x, 36, 7, tint(rng, (0.75, 0.95), (0.4, 0.9), (0.1, 0.16))
    )


def bench(rng, x, horizon) -> str:
    """A park bench."""
    wood = tint(rng, (0.3, 0.55), (0.3, 0.6), (0.04, 0.11))
    boards = "".join(box(x, horizon + y, 72, 5, wood, 1) for y in (-18, -10, 4))
    return boards + box(x + 6, horizon + 6, 4, 18, "#333") + box(x + 62, horizon + 6, 4, 18, "#333")


def car(rng, x, horizon) -> str:
    """A parked car."""
    paint = tint(rng, (0.3, 0.65), (0.3, 0.9))
    body = box(x, horizon - 14, 74, 20, paint, 6)
    cabin = shape(
        [(x + 12, horizon - 13), (x + 22, horizon - 30), (x + 52, horizon - 30), (x + 64, horizon - 13)], paint
    )
    glass = shape(
        [(x + 18, horizon - 14), (x + 25, horizon - 27), (x + 50, horizon - 27), (x + 58, horizon - 14)], "#b9d3e3"
    )
    return cabin + glass + body + "".join(disc(x + dx, horizon + 7, 7.5, "#222") for dx in (17, 58))


def flowers(rng, x, horizon) -> str:
    """A bed of flowers."""
    spots = rng.uniform((x, horizon + 4), (x + 60, horizon + 40), (16, 2))
    stems = "".join(box(a, b, 1, 8, "#4b7a3a") for a, b in spots)
    return stems + "".join(disc(a, b, 3, tint(rng, (0.5, 0.8), (0.6, 1))) for a, b in spots)


HANGING = {"window": window, "picture": picture, "shelf": shelf, "door": door}
STANDING = {"sofa": sofa, "lamp": lamp, "plant": plant, "table": table}
FAR = {"hills": hills, "skyline": skyline, "cottages": cottages, "sea": sea, "woods": woods}
OUTSIDE = {"tree": tree, "fence": fence, "post": post, "bench": bench, "car": car, "flowers": flowers}
