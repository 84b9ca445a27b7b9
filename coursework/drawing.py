"""Cartoon people and the camera that photographs them: what the drawn stand-ins of several weeks are made of.

People are put together from the parts of python_avatars (MIT) and rasterised by resvg; light, blur, noise and
compression follow in pixels. A picture here is a PIL image; colours are "#rrggbb".
"""

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import python_avatars as avatars
import resvg_py
from PIL import Image, ImageFilter

BOX = (264, 280)  # the figure's own coordinates, in which python_avatars draws: head and shoulders
HEADROOM = 34  # above them, for tall hair and hats


@dataclass(frozen=True)
class Person:
    """Who somebody is: parts by the names of python_avatars' lists (`top` is hair, or a hat), colours as "#rrggbb"."""

    top: str
    hair: str
    skin: str
    clothes: str
    fabric: str
    nose: str = "DEFAULT"
    beard: str = "NONE"
    glasses: str = "NONE"
    hat: str = "#3C4F5C"


@dataclass(frozen=True)
class Expression:
    """What a face does: parts by the names of python_avatars' lists."""

    eyes: str = "DEFAULT"
    brows: str = "DEFAULT_NATURAL"
    mouth: str = "SMILE"


EXPRESSIONS = (
    Expression("DEFAULT", "DEFAULT_NATURAL", "SMILE"),
    Expression("DEFAULT", "FLAT_NATURAL", "SERIOUS"),
    Expression("HAPPY", "RAISED_EXCITED_NATURAL", "BIG_SMILE"),
    Expression("HAPPY", "DEFAULT_NATURAL", "TONGUE"),
    Expression("SIDE", "UP_DOWN_NATURAL", "TWINKLE"),
    Expression("SIDE", "DEFAULT_NATURAL", "DEFAULT"),
    Expression("SQUINT", "ANGRY_NATURAL", "GRIMACE"),
    Expression("SQUINT", "FROWN_NATURAL", "SERIOUS"),
    Expression("SURPRISED", "RAISED_EXCITED_NATURAL", "SCREAM_OPEN"),
    Expression("SURPRISED", "RAISED_EXCITED", "DISBELIEF"),
    Expression("CLOSED", "SAD_CONCERNED_NATURAL", "SAD"),
    Expression("CRY", "SAD_CONCERNED", "CONCERNED"),
    Expression("WINK", "UP_DOWN", "SMILE"),
    Expression("EYE_ROLL", "FLAT_NATURAL", "CONCERNED"),
    Expression("CLOSED", "DEFAULT_NATURAL", "EATING"),
)


def person_svg(person: Person, expression: Expression) -> str:
    """The figure as an SVG document. Raises KeyError for a part that python_avatars does not have."""
    is_hat = person.top in avatars.HatType.__members__
    svg = avatars.Avatar(
        style=avatars.AvatarStyle.TRANSPARENT,
        top=(avatars.HatType if is_hat else avatars.HairType)[person.top],
        hat_color=person.hat,
        hair_color=person.hair,
        skin_color=person.skin,
        clothing=avatars.ClothingType[person.clothes],
        clothing_color=person.fabric,
        shirt_graphic=avatars.ClothingGraphic.NONE,
        nose=avatars.NoseType[person.nose],
        facial_hair=avatars.FacialHairType[person.beard],
        facial_hair_color=person.hair,
        accessory=avatars.AccessoryType[person.glasses],
        eyes=avatars.EyeType[expression.eyes],
        eyebrows=avatars.EyebrowType[expression.brows],
        mouth=avatars.MouthType[expression.mouth],
    ).render()
    box, room = f'width="{BOX[0]}px" height="{BOX[1]}px" viewBox="0 0 {BOX[0]} {BOX[1]}"', BOX[1] + HEADROOM
    return svg.replace(box, f'viewBox="0 {-HEADROOM} {BOX[0]} {room}"', 1)


@cache
def draw_person(person: Person, expression: Expression, width: int = 220) -> Image.Image:
    """The figure, RGBA, `width` pixels wide on nothing; kept, since drawing it again would take longest of all."""
    height = round(width * (BOX[1] + HEADROOM) / BOX[0])
    return rasterise(person_svg(person, expression), width, height)


def rasterise(svg: str, width: int, height: int) -> Image.Image:
    """An SVG document as an RGBA picture of width × height pixels. Raises ValueError for a malformed document."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def place(
    canvas: Image.Image, figure: Image.Image, centre: float, top: float, size: tuple[float, float], turn: float
) -> None:
    """Paste `figure` into `canvas` at `size`, its middle at x = `centre`, its top edge at y = `top`.

    It is turned by `turn` degrees about the middle of its lower edge, as people lean.
    """
    small = figure.resize((round(size[0]), round(size[1])), Image.Resampling.BICUBIC)
    margin = round(small.height * 0.3)
    padded = Image.new("RGBA", (small.width + 2 * margin, small.height + margin // 2))
    padded.paste(small, (margin, margin // 2))
    padded = padded.rotate(turn, Image.Resampling.BILINEAR, center=(padded.width / 2, padded.height))
    canvas.paste(padded, (round(centre - padded.width / 2), round(top - margin // 2)), padded)


def light(
    picture: Image.Image, rng: np.random.Generator, exposure: float, warmth: float, contrast: float
) -> Image.Image:
    """The scene in another light, RGB: brighter by `exposure` stops, redder by `warmth`, and lit from one side.

    `warmth` from -1 (blue) to 1 (orange), `contrast` about 1. Where the light comes from is random.
    """
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255
    height, width, _ = pixels.shape
    direction, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    shade = 1 + fall * (np.float32(np.cos(direction)) * x + np.float32(np.sin(direction)) * y)
    gains = 2**exposure * np.array([1 + 0.22 * warmth, 1, 1 - 0.22 * warmth], np.float32)
    pixels = (pixels - 0.5) * np.float32(contrast) + 0.5
    pixels = pixels * shade[..., None].astype(np.float32) * gains.astype(np.float32)
    knee = np.float32(0.75)  # as in a film, highlights are squeezed, not cut
    bright = knee + (1 - knee) * np.tanh((pixels - knee) / (1 - knee))
    pixels = np.where(pixels > knee, bright, pixels)
    return Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))


def photograph(picture: Image.Image, rng: np.random.Generator, blur: float, noise: float) -> Image.Image:
    """Out of focus by a Gaussian of `blur` pixels, then with sensor noise of standard deviation `noise` of 255."""
    if blur > 0.15:
        picture = picture.filter(ImageFilter.GaussianBlur(float(blur)))
    if noise < 0.5:
        return picture
    pixels = np.asarray(picture, dtype=np.float32)
    grain = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[..., None] * np.float32(noise)
    return Image.fromarray((pixels + grain).clip(0, 255).round().astype(np.uint8))


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """The picture as a JPEG file of `quality` from 1 to 95."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
