"""A drawn video of a building site, and a watch that raises an alarm when somebody on it has no helmet.

No tracking: every frame is judged alone, which a light detector can do in time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageDraw

from coursework.drawing import light, photograph, rasterise
from hardhat.site import FAR, NEAR, SIDE, draw_ground, draw_sky, several
from hardhat.workers import FEET, draw_body, draw_head

COLOURS = {"helmet": "#009E73", "head": "#D55E00"}
FPS = 12


@dataclass(frozen=True)
class Walker:
    """Somebody who crosses the picture: SVG, head's height, where the feet are, where it starts, speed, helmet."""

    svg: str
    size: float
    feet: float
    start: float
    speed: float
    helmet: bool


def draw_walkers(rng: np.random.Generator, number: int, horizon: float, frames: int) -> list[Walker]:
    """Some people, the far ones first. Two have no helmet: one leaves after a quarter, one comes in half-way."""
    walkers = []
    for place, size in enumerate(np.sort(rng.uniform(22, 58, number))):
        helmet = place not in (1, number - 2)
        speed = rng.uniform(1.2, 3.5) * size / 40 * rng.choice([-1, 1])
        view = "right" if speed > 0 else "left"
        body = draw_body(rng, view) + draw_head(rng, helmet, view, "hair").svg
        feet = horizon + (SIDE - horizon) * (size / 60) ** 0.8
        start = rng.uniform(0, SIDE)
        if place == 1:
            start = (SIDE if speed > 0 else 0) - frames // 4 * speed
        elif not helmet:
            start = (0 if speed > 0 else SIDE) - frames // 2 * speed
        walkers.append(Walker(body, size, feet, start, speed, helmet))
    return walkers


def draw_frames(seconds: float, seed: int) -> Iterator[tuple[Image.Image, bool]]:
    """The frames of a video, RGB, and whether the middle of a bare head is inside, be it behind somebody else."""
    rng = np.random.default_rng(seed)
    horizon = 0.42 * SIDE
    scene = draw_sky(rng, "day", horizon) + several(rng, FAR, 3, 4, horizon)
    scene += draw_ground(rng, horizon) + several(rng, NEAR, 1, 2, horizon)
    frames = round(seconds * FPS)
    walkers = draw_walkers(rng, 5, horizon, frames)
    for frame in range(frames):
        people, bare = "", False
        for walker in walkers:
            scale, step = walker.size / 100, frame * walker.speed
            round_trip = SIDE + 2 * walker.size if walker.helmet else 4 * SIDE  # who has none does not come back
            x = (walker.start + step + walker.size) % round_trip - walker.size
            y = walker.feet - FEET * scale - abs(np.sin(step / walker.size * 4)) * walker.size * 0.06
            people += f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:.3f})">{walker.svg}</g>'
            bare |= bool(not walker.helmet and 0 < x < SIDE)
        document = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">{scene}{people}</svg>'
        noise = np.random.default_rng([seed, frame])
        picture = light(rasterise(document, SIDE, SIDE), np.random.default_rng(seed), 0.1, 0.1, 1.0)
        yield photograph(picture, noise, 0.4, 4), bare


def write_video(frames: list[Image.Image], path: Path) -> Path:
    """Frames as an MP4 file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, np.stack([np.asarray(frame) for frame in frames]), fps=FPS, codec="libx264")
    return path


def read_video(path: Path) -> np.ndarray:
    """All frames of a video, uint8 (n, H, W, 3). Raises FileNotFoundError, or ValueError if it cannot be read."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent.name}/")
    try:
        return iio.imread(path)
    except Exception as error:  # its plug-ins raise kinds of their own
        raise ValueError(f"{path.name} cannot be read as a video ({type(error).__name__})") from None


def watch(
    frames: np.ndarray, detect: Callable[[np.ndarray], list[dict]], score: float
) -> tuple[list[dict], list[bool], float]:
    """Detections above `score` in every frame, whether each has a head without a helmet, and frames a second.

    `detect` takes frames (1, S, S, 3), one at a time, as a camera gives them.
    """
    found, started = [], time.perf_counter()
    for frame in frames:
        (answer,) = detect(frame[None])
        keep = answer["scores"] >= score
        found.append({name: values[keep] for name, values in answer.items()})
    seconds = time.perf_counter() - started
    return found, [bool((answer["labels"] == 1).any()) for answer in found], len(frames) / seconds


def annotate(frame: np.ndarray, answer: dict, alarm: bool) -> Image.Image:
    """A frame with its boxes, and a red frame if there is an alarm."""
    picture = Image.fromarray(frame)
    pen = ImageDraw.Draw(picture)
    for box, label in zip(answer["boxes"], answer["labels"], strict=True):
        corners = np.sort(box.reshape(2, 2), axis=0)  # who has learnt nothing gives boxes that are upside down
        pen.rectangle(corners.ravel().tolist(), outline=list(COLOURS.values())[label], width=3)
    if alarm:
        pen.rectangle((0, 0, picture.width - 1, picture.height - 1), outline=COLOURS["head"], width=8)
        pen.text((14, 12), "no helmet", "white", font_size=22, stroke_width=2, stroke_fill="black")
    return picture


def write_gif(frames: list[Image.Image], path: Path, width: int = 240, every: int = 2) -> Path:
    """Every second frame, small, as a GIF; returns its path."""
    small = [frame.resize((width, width), Image.Resampling.LANCZOS) for frame in frames[::every]]
    flat = [frame.quantize(64, dither=Image.Dither.NONE) for frame in small]
    path.parent.mkdir(parents=True, exist_ok=True)
    flat[0].save(path, save_all=True, append_images=flat[1:], duration=1000 * every // FPS, loop=0, optimize=True)
    return path
