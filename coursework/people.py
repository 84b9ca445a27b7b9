"""The drawn stand-in for LFW (weeks 8 and 10): people in several pictures each, in LFW's layout, with true attributes.

Picture number i of a person depends on the side, the seed, the person's number and i alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from PIL import Image, ImageDraw
from tqdm import tqdm

from coursework import drawing
from coursework.drawing import Expression, Person, draw_person, jpeg, light, photograph, place
from coursework.lfw import BELOW
from coursework.runtime import thread_count
from coursework.standins import source_hash, write_stand_in

FIGURE = 0.73  # of the side: the width of head and shoulders; so the face fills the middle third, as LFW's do
TOPS = {
    "short": ("CAESAR", "CAESAR_SIDE_PART", "SHORT_FLAT", "SHORT_ROUND", "SHORT_WAVED", "SHORT_CURLY", "SIDES"),
    "long": ("BIG_HAIR", "BOB", "BUN", "CURLY", "CURVY", "LONG_NOT_TOO_LONG", "STRAIGHT_1", "STRAIGHT_2", "PIXIE"),
    "other": ("FRO", "DREADS", "SHAGGY_MULLET", "SHAGGY", "QUIFF", "POMPADOUR", "MIA_WALLACE", "FRIZZLE", "NONE"),
}  # fmt: skip
HAIR = {"black": "#241816", "brown": "#5A3A2B", "auburn": "#8D4A2B", "blond": "#CFA868", "grey": "#A8A8A8"}
SKIN = ("#FFDBB4", "#F4C9A0", "#EDB98A", "#E0A46C", "#D08B5B", "#AE5D29", "#8A4E2C", "#6B4530")
CLOTHES = ("BLAZER_SHIRT", "BLAZER_SWEATER", "COLLAR_SWEATER", "HOODIE", "SHIRT_CREW_NECK", "SHIRT_V_NECK")
FABRIC = ("#25557C", "#65A9E8", "#4A5A66", "#E3C890", "#D9534F", "#5E9C6B", "#7B4B94", "#F2F2F2", "#2B2B2B")
BEARDS = ("BEARD_LIGHT", "BEARD_MEDIUM", "MOUSTACHE_FANCY")  # which leave the mouth to be seen
GLASSES = ("PRESCRIPTION_1", "PRESCRIPTION_2", "ROUND", "WAYFARERS_2")
SMILES = ("SMILE", "BIG_SMILE", "TWINKLE", "DEFAULT")  # the last is a half moon with its corners up
SERIOUS = ("SERIOUS", "CONCERNED", "SAD", "DISBELIEF")
EYES = ("DEFAULT", "DEFAULT", "HAPPY", "SIDE", "SQUINT", "SURPRISED", "CLOSED")
BROWS = ("DEFAULT_NATURAL", "FLAT_NATURAL", "RAISED_EXCITED_NATURAL", "UP_DOWN_NATURAL", "FROWN_NATURAL")
ATTRIBUTES = ("Smiling", "Eyeglasses", "Mustache or Beard", "Black Hair", "Blond Hair", "Bald")
FIRST = ("Ada", "Boris", "Cleo", "Dana", "Emil", "Fay", "Gleb", "Hedda", "Igor", "Jana", "Karl", "Lina", "Milo", "Nora")
LAST = ("Ash", "Birch", "Cedar", "Dale", "Elm", "Fell", "Glen", "Hill", "Isle", "Knoll", "Lake", "Marsh", "Nook", "Oak")


def generator_hash() -> str:
    """The SHA-256 of all code that draws."""
    return source_hash([Path(drawing.__file__), Path(__file__)])


def stand_in(people: int, pictures: int, side: int, seed: int) -> Path:
    """The folder of the stand-in, pictures of `side` pixels, drawn on first use on all cores."""
    facts = {"generator": generator_hash(), "seed": seed, "people": people, "pictures": pictures, "side": side}
    return write_stand_in(f"lfw-{people}x{pictures}-{side}px", facts, draw_files(people, pictures, side, seed))


def draw_files(people: int, pictures: int, side: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Every picture as (path, JPEG file), then the attributes in LFW's format."""
    jobs = min(thread_count(), people * pictures // 200 + 1)  # starting a process takes as long as a hundred pictures
    drawn = Parallel(n_jobs=jobs, return_as="generator", batch_size=8)(
        delayed(draw_pictures)(number, pictures, side, seed) for number in range(people)
    )
    rows = []
    for number, found in enumerate(tqdm(drawn, total=people, desc="drawing", unit="person", leave=False)):
        name = person_name(number)
        for index, (picture, truth) in enumerate(found, 1):
            yield f"{BELOW}/{name}/{name}_{index:04d}.jpg", picture
            rows.append("\t".join([name.replace("_", " "), str(index), *(f"{value:.1f}" for value in truth)]))
    head = "# drawn stand-in: true attributes, 1 or -1", "\t".join(["#", "person", "imagenum", *ATTRIBUTES])
    yield "lfw_attributes.txt", ("\n".join([*head, *rows]) + "\n").encode()


def person_name(number: int) -> str:
    """A name that nobody else has."""
    return f"{FIRST[number % len(FIRST)]}_{LAST[number // len(FIRST) % len(LAST)]}_{number:04d}"


def draw_pictures(number: int, pictures: int, side: int, seed: int) -> list[tuple[bytes, list[float]]]:
    """All pictures of one person, with their attributes, 1 or -1 each."""
    rng = np.random.default_rng([seed, number])
    person, hair = draw_identity(rng)
    # Not from 0 on: a seed of [s, n, 0] is that of [s, n], whose numbers made the person already.
    rngs = (np.random.default_rng([seed, number, k]) for k in range(1, pictures + 1))
    return [draw_picture(person, hair, side, rng) for rng in rngs]


def draw_identity(rng: np.random.Generator) -> tuple[Person, str]:
    """Somebody, without glasses, and the name of the hair colour."""
    top = rng.choice(TOPS[rng.choice(list(TOPS))])
    hair = str(rng.choice(list(HAIR), p=[0.35, 0.25, 0.12, 0.16, 0.12]))
    beard = rng.choice(BEARDS) if top not in TOPS["long"] and rng.random() < 0.35 else "NONE"
    nose = rng.choice(["DEFAULT", "SMALL", "WIDE"])
    skin, clothes, fabric = rng.choice(SKIN), rng.choice(CLOTHES), rng.choice(FABRIC)
    parts = (str(part) for part in (top, HAIR[hair], skin, clothes, fabric, nose, beard))
    return Person(*parts), hair


def draw_picture(person: Person, hair: str, side: int, rng: np.random.Generator) -> tuple[bytes, list[float]]:
    """One picture of a person, as a JPEG file, and its attributes in the order of ATTRIBUTES."""
    smiling, glasses = rng.random() < 0.5, rng.random() < 0.35
    mouth = rng.choice(SMILES if smiling else SERIOUS)
    expression = Expression(str(rng.choice(EYES)), str(rng.choice(BROWS)), str(mouth))
    worn = str(rng.choice(GLASSES)) if glasses else "NONE"
    # Not kept, as `draw_person` otherwise does: nearly no two are alike, and thousands would fill the memory.
    figure = draw_person.__wrapped__(replace(person, glasses=worn), expression, round(FIGURE * side))
    if rng.random() < 0.5:
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    canvas = draw_background(side, rng)
    scale, narrow = rng.normal(1, 0.03), rng.uniform(0.9, 1)  # a turn of the head makes it narrower
    size = figure.width * scale * narrow, figure.height * scale
    middle, top = side * rng.normal(0.5, 0.008), side * rng.normal(0.5, 0.008) - 0.46 * size[1]
    place(canvas, figure, middle, top, size, rng.normal(0, 3))
    canvas = light(canvas, rng, rng.normal(-0.05, 0.25), rng.uniform(-0.7, 0.7), rng.uniform(0.8, 1.15))
    canvas = photograph(canvas, rng, side * rng.uniform(0, 0.005), rng.exponential(2))
    bald = person.top == "NONE"
    truth = smiling, glasses, person.beard != "NONE", hair == "black" and not bald, hair == "blond" and not bald, bald
    return jpeg(canvas, int(rng.integers(60, 95))), [1.0 if value else -1.0 for value in truth]


def draw_background(side: int, rng: np.random.Generator) -> Image.Image:
    """A wall, a street or a crowd, far out of focus."""
    canvas = Image.new("RGB", (side, side), tuple(int(v) for v in rng.integers(30, 225, 3)))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(0, 9))):
        x, y, size = side * rng.uniform(0, 1), side * rng.uniform(0, 1), side * rng.uniform(0.08, 0.4)
        colour = tuple(int(v) for v in rng.integers(15, 240, 3))
        if rng.random() < 0.5:
            pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
        else:
            pen.rectangle((x - size / 2, y - 2 * size, x + size / 2, y + 2 * size), fill=colour)
    return photograph(canvas, rng, side * rng.uniform(0.02, 0.065), 0)
