"""Drawn workers: a figure as SVG, the outline of its head, and what the head is called.

A figure has its own coordinates: the middle of the head is (0, 0), the head 100 high, the feet at about 640, y down.
"""

from dataclasses import dataclass

import numpy as np

from coursework.svg import box, disc, shape, tint

HATS = ("#f2c500", "#f4f4f0", "#d8232a", "#1f5fb4", "#e8731a", "#2f9e44")  # yellow, white, red, blue, orange, green
SKIN = ("#f2d3b6", "#e6b98f", "#d49c6a", "#b97a48", "#94592f", "#6c3f22")
HAIR = ("#1d1714", "#3a281c", "#6a4526", "#9b6b3a", "#8f8f8f")
LOUD_HAIR = ("#e8c34a", "#d96a1c", "#efe6c8")  # like helmets from afar
VESTS = ("#ff6a13", "#d7f205", "#ffd400", "#ff4d4d")
VIEWS = ("front", "front", "left", "right", "back")
WEAR = ("hair", "hair", "loud hair", "cap", "winter hat", "hood", "bald")  # without a hard hat
FEET = 640


@dataclass(frozen=True)
class Head:
    """A drawn head: SVG, its outline as points (n, 2), whether it wears a hard hat."""

    svg: str
    outline: np.ndarray
    helmet: bool


def draw_head(rng: np.random.Generator, helmet: bool, view: str, wear: str | None = None) -> Head:
    """A head in the figure's coordinates; `wear` is what is on it without a hard hat."""
    skin = str(rng.choice(SKIN))
    face = disc(0, 4, 38, skin, 47) + shade(view)
    ears = "".join(disc(side * 38, 6, 6, skin, 10) for side in (-1, 1)) if view in ("front", "back") else ""
    look = 0 if view in ("front", "back") else (-1 if view == "left" else 1)
    hair = str(rng.choice(LOUD_HAIR if wear == "loud hair" else HAIR))
    features = "" if view == "back" else draw_features(rng, look, hair)
    if view == "back":
        face += disc(0, 0, 39, hair, 46)
    if helmet:
        on_top, extent = draw_helmet(rng, look, view)
    else:
        on_top, extent = draw_wear(rng, wear or "hair", look, view, hair)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    outline = np.stack([40 * np.cos(angles), 4 + 47 * np.sin(angles)], axis=1)
    return Head(ears + face + features + on_top, np.concatenate([outline, extent]), helmet)


def shade(view: str) -> str:
    """The side of a face that the light does not reach."""
    return "" if view == "back" else disc(14, 12, 24, "#000", 36, 'opacity="0.07"')


def draw_features(rng: np.random.Generator, look: int, hair: str) -> str:
    """Eyes, brows, nose, mouth, often a beard or goggles; moved to where the face looks."""
    x = 15 * look
    eyes = [x - 14, x + 14] if look == 0 else [x + 6 * look]
    parts = [disc(eye, -2, 4, "#fff", 3) + disc(eye + 1.5 * look, -2, 2.2, "#222") for eye in eyes]
    parts += [box(eye - 7, -12, 14, 3, hair, 1.5) for eye in eyes]
    parts.append(shape([(x + 4 * look, 2), (x + 5 + 7 * look, 16), (x - 4 + 6 * look, 17)], "#000", 'opacity="0.16"'))
    if rng.random() < 0.3:
        parts.append(disc(x * 0.8, 34, 26 if look == 0 else 20, hair, 18))
    parts.append(box(x - 9 + 4 * look, 27, 18, rng.uniform(2, 6), "#8d3b36", 2))
    if rng.random() < 0.15:
        parts.append(box(min(eyes) - 11, -9, max(eyes) - min(eyes) + 22, 14, "#6fb7d6", 6, 'opacity="0.75"'))
    return "".join(parts)


def draw_helmet(rng: np.random.Generator, look: int, view: str, hat: str | None = None) -> tuple[str, np.ndarray]:
    """A hard hat with brim and ridge, and its extreme points."""
    hat, low = hat or str(rng.choice(HATS)), rng.uniform(-14, -6)
    dome = f'<path d="M -47 {low} C -50 -86 50 -86 47 {low} Z" fill="{hat}"/>'
    dark = f'<path d="M 8 {low} C 30 -30 34 -60 22 -68 C 44 -60 50 -30 47 {low} Z" fill="#000" opacity="0.16"/>'
    shine = disc(-18, -44, 9, "#fff", 14, 'opacity="0.55"')
    ridge = f'<path d="M -7 {low} C -9 -80 9 -80 7 {low} Z" fill="#fff" opacity="0.28"/>'
    if look:
        line = f"M -40 {low - 18} C -20 -80 20 -80 40 {low - 18}"
        ridge = f'<path d="{line}" fill="none" stroke="#fff" stroke-width="5" opacity="0.3"/>'
    reach = 66 if look else 53
    left, right = (reach if look < 0 else 50), (reach if look > 0 else 50)
    drop = 7 if view != "back" else 4
    brim = disc((right - left) / 2, low + 2, (left + right) / 2, hat, drop)
    edge = disc((right - left) / 2, low + 4, (left + right) / 2, "#000", drop - 2, 'opacity="0.2"')
    sign = box(-9, low - 34, 18, 12, "#fff", 2, 'opacity="0.85"') if view == "front" and rng.random() < 0.3 else ""
    strap = f'<path d="M -36 {low} L -20 46 M 36 {low} L 20 46" stroke="#333" stroke-width="3" fill="none"/>'
    strap = strap if view == "front" and rng.random() < 0.4 else ""
    points = np.array([[-left, low], [right, low], [0, -67], [-30, -56], [30, -56]])
    return strap + dome + dark + ridge + shine + brim + edge + sign, points


def draw_wear(rng: np.random.Generator, wear: str, look: int, view: str, hair: str) -> tuple[str, np.ndarray]:
    """What is on a head without a hard hat, and its extreme points."""
    colour = str(rng.choice(HATS)) if rng.random() < 0.6 else tint(rng, (0.2, 0.7))
    if wear == "cap":
        crown = f'<path d="M -41 -14 C -42 -66 42 -66 41 -14 Z" fill="{colour}"/>'
        bill = {0: disc(0, -13, 34, colour, 9), -1: disc(-46, -13, 26, colour, 6), 1: disc(46, -13, 26, colour, 6)}
        bill = "" if view == "back" else bill[look]
        return crown + bill + disc(0, -52, 4, "#000", 3, 'opacity="0.3"'), np.array([[0, -54], [62 * look, -14]])
    if wear == "winter hat":
        crown = f'<path d="M -42 -10 C -46 -74 46 -74 42 -10 Z" fill="{colour}"/>'
        band = box(-43, -22, 86, 15, tint(rng, (0.3, 0.8)), 6)
        ball = disc(0, -64, 11, "#f3f3f3") if rng.random() < 0.5 else ""
        return crown + band + ball, np.array([[0, -75 if ball else -60], [-44, -15], [44, -15]])
    if wear == "hood":
        ring = f'<path d="M -50 40 C -60 -80 60 -80 50 40 L 34 34 C 40 -50 -40 -50 -34 34 Z" fill="{colour}"/>'
        return (disc(0, 0, 50, colour, 58) if view == "back" else ring), np.array([[-52, 20], [52, 20], [0, -56]])
    if wear == "bald":
        return disc(-12, -28, 10, "#fff", 6, 'opacity="0.25"'), np.array([[0, -43]])
    long = rng.random() < 0.35
    top = f'<path d="M -41 {4 + 10 * rng.random():.0f} C -46 -64 46 -64 41 2 C 30 -28 -24 -30 -41 8 Z" fill="{hair}"/>'
    sides = box(-44, -14, 13, 66, hair, 6) + box(31, -14, 13, 66, hair, 6) if long else ""
    return top + sides, np.array([[0, -50], [-42, 0], [42, 0]])


def draw_body(rng: np.random.Generator, view: str, held: str = "") -> str:
    """From the neck to the feet: clothes or a vest with bands, arms, legs; `held` is drawn in the right hand."""
    cloth, trousers, skin = tint(rng, (0.2, 0.65)), tint(rng, (0.12, 0.4), (0.05, 0.45)), str(rng.choice(SKIN))
    wide = rng.uniform(82, 104) * (1 if view in ("front", "back") else 0.72)
    stride, lift = rng.uniform(0, 34), rng.uniform(-60, 30)
    legs = "".join(draw_leg(side, wide, stride, trousers) for side in (-1, 1))
    torso = shape([(-wide, 78), (wide, 78), (wide * 0.78, 345), (-wide * 0.78, 345)], cloth)
    torso += disc(0, 80, wide, cloth, 26)
    neck = box(-17, 38, 34, 34, skin, 8)
    vest = draw_vest(rng, wide) if rng.random() < 0.65 else ""
    hand = (wide + 46, 300 + lift)
    arms = (
        limb([(-wide + 6, 90), (-wide - 26, 200), (-wide - 22, 310)], cloth, skin)
        + limb([(wide - 6, 90), (wide + 34, 190), hand], cloth, skin)
        + (f'<g transform="translate({hand[0]:.0f} {hand[1] + 34:.0f}) scale(0.9)">{held}</g>' if held else "")
    )  # fmt: skip
    return legs + neck + torso + vest + arms


def draw_leg(side: int, wide: float, stride: float, trousers: str) -> str:
    """The left (-1) or the right leg, with its shoe."""
    ankle = FEET - 20
    corners = [(8, 330), (wide * 0.62, 330), (22 + stride, ankle), (2 + stride, ankle)]
    shoe = box(side * (14 + stride) - 20, FEET - 24, 40, 24, "#2c2620", 8)
    return shape([(side * x, y) for x, y in corners], trousers) + shoe


def limb(joints: list[tuple[float, float]], cloth: str, skin: str) -> str:
    """An arm through its joints, with a hand."""
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in joints)
    stroke = f'fill="none" stroke="{cloth}" stroke-width="34" stroke-linejoin="round" stroke-linecap="round"'
    sleeve = f'<polyline points="{points}" {stroke}/>'
    return sleeve + disc(*joints[-1], 17, skin)


def draw_vest(rng: np.random.Generator, wide: float) -> str:
    """A vest that can be seen from afar."""
    colour, wide = str(rng.choice(VESTS)), wide * 0.94
    vest = shape([(-wide, 84), (wide, 84), (wide * 0.82, 320), (-wide * 0.82, 320)], colour)
    bands = box(-wide * 0.9, 190, 1.8 * wide, 18, "#e6e6e0") + box(-wide * 0.86, 260, 1.72 * wide, 18, "#e6e6e0")
    straps = box(-wide * 0.55, 84, 18, 110, "#e6e6e0") + box(wide * 0.45, 84, 18, 110, "#e6e6e0")
    return vest + bands + straps


def body_outline() -> np.ndarray:
    """Roughly what a body hides, in the figure's coordinates."""
    return np.array([[-100, 75], [100, 75], [95, 330], [60, FEET], [-60, FEET], [-95, 330]], float)
