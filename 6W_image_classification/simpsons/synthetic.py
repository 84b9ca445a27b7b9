"""The synthetic cast: images of 42 invented characters in the competition's layout.

Image number i of a character depends only on the seed, the name and i: not on how many images are generated, or on
the number of processes.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from PIL import Image, ImageFilter
from tqdm import tqdm

from coursework import drawing, svg
from coursework.drawing import EXPRESSIONS, draw_person, jpeg, light, photograph, place, rasterise
from coursework.runtime import thread_count
from coursework.standins import source_hash, write_stand_in
from simpsons.cast import CAST, training_counts
from simpsons.scenes import draw_scene

SIDE = 192  # pixels
TEST_FRACTION, TEST_LEAST = 0.25, 20  # of a class's training images; minimum per class
FOLDERS = {"train": "train/simpsons_dataset", "test": "testset/testset"}
SOURCES = ("cast.py", "scenes.py", "synthetic.py")


def generator_hash() -> str:
    """The SHA-256 of all code that generates images, which identifies them in a record."""
    here = Path(__file__).parent
    return source_hash([Path(drawing.__file__), Path(svg.__file__), *(here / name for name in SOURCES)])


def generate_cast(
    name: str, characters: int, per_class: int | None, seed: int, few: tuple[int, int] | None = None
) -> Path:
    """The folder of the synthetic images, generated on first use on all cores; see `plan` for their numbers.

    With `few`, only these numbers of training and test images per character are generated, in a separate folder.
    Beside the competition's folders, it holds answers.json, {file name: character} for the test images.
    """
    images = plan(characters, per_class, seed)
    facts = {"generator": generator_hash(), "seed": seed, "characters": characters, "count": len(images)}
    if few is None:
        return write_stand_in(name, facts, generate_files(images, seed, {"train": len(images), "test": len(images)}))
    least = dict(zip(("train", "test"), few, strict=True))
    return write_stand_in(f"{name}-{few[0]}-{few[1]}", facts | {"few": list(few)}, generate_files(images, seed, least))


def generate_files(images: list[tuple[str, str, int]], seed: int, least: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Every image as (path, JPEG file), of each character the first `least[part]`, then the answers."""
    order = np.random.default_rng([seed, 1]).permutation(sum(part == "test" for part, _, _ in images))
    numbers = iter(order.tolist())
    paths = [image_path(part, name, next(numbers) if part == "test" else k) for part, name, k in images]
    rows = [(path, row) for path, row in zip(paths, images, strict=True) if row[2] < least[row[0]]]
    jobs = min(thread_count(), len(rows) // 200 + 1)  # starting a process takes as long as a hundred images
    files = Parallel(n_jobs=jobs, return_as="generator", batch_size=8)(
        delayed(generate_image)(name, image_rng(seed, part, name, k)) for _, (part, name, k) in rows
    )
    bar = tqdm(files, total=len(rows), desc="generating images", unit="image", leave=False)
    yield from zip([path for path, _ in rows], bar, strict=True)
    tests = {Path(path).name: name for path, (part, name, _) in rows if part == "test"}
    yield "answers.json", json.dumps(tests, indent=0).encode()


def generate_image(name: str, rng: np.random.Generator) -> bytes:
    """One image of a character, as a JPEG file of SIDE × SIDE pixels."""
    canvas = rasterise(draw_scene(rng, rng.uniform(1, 1.7)), SIDE, SIDE).convert("RGB")
    canvas = photograph(canvas, rng, rng.choice([0, 0.6, 1.4], p=[0.5, 0.3, 0.2]), 0)  # the background, out of focus
    if rng.random() < 0.18:
        place_character(canvas, rng.choice([other for other in CAST if other != name]), rng, behind=True)
    place_character(canvas, name, rng)
    if rng.random() < 0.07:
        occlude_side(canvas, rng)
    dark = rng.random() < 0.12
    exposure = rng.uniform(-1.6, -0.7) if dark else rng.normal(-0.12, 0.3)
    canvas = light(canvas, rng, exposure, rng.uniform(-0.8, 0.8), rng.uniform(0.7, 1.2))
    blur = rng.choice([rng.uniform(0, 0.7), rng.uniform(1, 2.1)], p=[0.85, 0.15])
    return jpeg(photograph(canvas, rng, blur, rng.exponential(3)), int(rng.integers(30, 95)))


def place_character(canvas: Image.Image, name: str, rng: np.random.Generator, behind: bool = False) -> None:
    """Place a character in the scene, at a random size, position and angle; the border may crop it."""
    figure = draw_person(CAST[name], EXPRESSIONS[rng.integers(len(EXPRESSIONS))])
    if rng.random() < 0.5:
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    width = SIDE * (rng.uniform(0.28, 0.45) if behind else rng.triangular(0.42, 0.75, 1.15))
    height = width * figure.height / figure.width
    width *= rng.uniform(0.8, 1)  # a turn of the head makes it narrower
    centre = rng.choice([rng.uniform(0.05, 0.22), rng.uniform(0.78, 0.95)]) if behind else rng.normal(0.5, 0.13)
    # The figure ends at or below the lower border, so its feet are never visible; its head is above the border.
    lowest, highest = SIDE - height * 0.98, SIDE - height * 0.62
    top = rng.uniform(max(min(lowest, SIDE * 0.3), -0.12 * height), max(highest, lowest * 0.3))
    place(canvas, figure, centre * SIDE, top, (width, height), rng.normal(0, 9))


def occlude_side(canvas: Image.Image, rng: np.random.Generator) -> None:
    """Occlude one side of the image by an object close to the camera."""
    grey = rng.uniform(30, 110) + rng.uniform(-20, 20, 3)
    thing = Image.new("RGBA", (SIDE // 2, SIDE * 2), (*(int(v) for v in grey), 255))
    turned = thing.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    turned = turned.filter(ImageFilter.GaussianBlur(2.5))
    x = rng.choice([rng.uniform(-0.45, -0.25), rng.uniform(0.7, 0.85)]) * SIDE
    canvas.paste(turned, (round(x), round(-0.5 * SIDE)), turned)


def image_rng(seed: int, part: str, name: str, number: int) -> np.random.Generator:
    """The random number generator of one image."""
    return np.random.default_rng([seed, zlib.crc32(f"{part}/{name}".encode()), number])


def plan(characters: int, per_class: int | None, seed: int) -> list[tuple[str, str, int]]:
    """All images to generate, (part, character, number): `per_class` of each, or numbers with the homework's long tail.

    Fewer than 42 characters are the first of a seeded shuffle, which also assigns the numbers to the characters.
    """
    order = [str(name) for name in np.random.default_rng(seed).permutation(sorted(CAST))][:characters]
    counts = dict.fromkeys(order, per_class) if per_class else training_counts(order)
    tests = {name: per_class or max(TEST_LEAST, round(TEST_FRACTION * n)) for name, n in counts.items()}
    return [
        (part, name, number)
        for part, numbers in (("train", counts), ("test", tests))
        for name in order
        for number in range(numbers[name])
    ]


def image_path(part: str, name: str, number: int) -> str:
    """The path of an image below the data set's folder; the name of a test image does not contain the character."""
    return (
        f"{FOLDERS['train']}/{name}/pic_{number:04d}.jpg" if part == "train" else f"{FOLDERS['test']}/img{number}.jpg"
    )
