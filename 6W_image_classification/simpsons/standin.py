"""The drawn stand-in: pictures of the cast in the competition's layout, seeded, image by image.

Picture number i of a character depends on the seed, its name and i alone: not on how many are drawn, nor by how many
processes.
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
TEST_SHARE, TEST_LEAST = 0.25, 20  # a class's test pictures: this share of its training pictures, or at least so many
FOLDERS = {"train": "train/simpsons_dataset", "test": "testset/testset"}
SOURCES = ("cast.py", "scenes.py", "standin.py")


def generator_hash() -> str:
    """The SHA-256 of all code that draws, so that a record can say which pictures it speaks of."""
    here = Path(__file__).parent
    return source_hash([Path(drawing.__file__), Path(svg.__file__), *(here / name for name in SOURCES)])


def stand_in(name: str, characters: int, per_class: int | None, seed: int, few: tuple[int, int] | None = None) -> Path:
    """The folder of the stand-in, drawn on first use on all cores: see `plan` for the numbers.

    With `few`, only so many training and test pictures of each character are drawn, into a folder of their own.
    Beside the competition's folders it holds answers.json, {file name: character} for the test part.
    """
    pictures = plan(characters, per_class, seed)
    facts = {"generator": generator_hash(), "seed": seed, "characters": characters, "count": len(pictures)}
    if few is None:
        return write_stand_in(name, facts, draw_files(pictures, seed, {"train": len(pictures), "test": len(pictures)}))
    least = dict(zip(("train", "test"), few, strict=True))
    return write_stand_in(f"{name}-{few[0]}-{few[1]}", facts | {"few": list(few)}, draw_files(pictures, seed, least))


def draw_files(pictures: list[tuple[str, str, int]], seed: int, least: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Every picture as (path, JPEG file), of each character the first `least[part]`, then the answers."""
    order = np.random.default_rng([seed, 1]).permutation(sum(part == "test" for part, _, _ in pictures))
    numbers = iter(order.tolist())
    paths = [picture_path(part, name, next(numbers) if part == "test" else k) for part, name, k in pictures]
    rows = [(path, row) for path, row in zip(paths, pictures, strict=True) if row[2] < least[row[0]]]
    jobs = min(thread_count(), len(rows) // 200 + 1)  # starting a process takes as long as a hundred pictures
    drawn = Parallel(n_jobs=jobs, return_as="generator", batch_size=8)(
        delayed(draw_picture)(name, picture_rng(seed, part, name, k)) for _, (part, name, k) in rows
    )
    bar = tqdm(drawn, total=len(rows), desc="drawing", unit="picture", leave=False)
    yield from zip([path for path, _ in rows], bar, strict=True)
    tests = {Path(path).name: name for path, (part, name, _) in rows if part == "test"}
    yield "answers.json", json.dumps(tests, indent=0).encode()


def draw_picture(name: str, rng: np.random.Generator) -> bytes:
    """One picture of a character, as a JPEG file of SIDE × SIDE pixels."""
    canvas = rasterise(draw_scene(rng, rng.uniform(1, 1.7)), SIDE, SIDE).convert("RGB")
    canvas = photograph(canvas, rng, rng.choice([0, 0.6, 1.4], p=[0.5, 0.3, 0.2]), 0)  # the background, out of focus
    if rng.random() < 0.18:
        stand(canvas, rng.choice([other for other in CAST if other != name]), rng, behind=True)
    stand(canvas, name, rng)
    if rng.random() < 0.07:
        cover_corner(canvas, rng)
    dark = rng.random() < 0.12
    exposure = rng.uniform(-1.6, -0.7) if dark else rng.normal(-0.12, 0.3)
    canvas = light(canvas, rng, exposure, rng.uniform(-0.8, 0.8), rng.uniform(0.7, 1.2))
    blur = rng.choice([rng.uniform(0, 0.7), rng.uniform(1, 2.1)], p=[0.85, 0.15])
    return jpeg(photograph(canvas, rng, blur, rng.exponential(3)), int(rng.integers(30, 95)))


def stand(canvas: Image.Image, name: str, rng: np.random.Generator, behind: bool = False) -> None:
    """Put a character into the scene: near or far, leaning, turned, anywhere, also cut by the border."""
    figure = draw_person(CAST[name], EXPRESSIONS[rng.integers(len(EXPRESSIONS))])
    if rng.random() < 0.5:
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    width = SIDE * (rng.uniform(0.28, 0.45) if behind else rng.triangular(0.42, 0.75, 1.15))
    height = width * figure.height / figure.width
    width *= rng.uniform(0.8, 1)  # a turn of the head makes it narrower
    centre = rng.choice([rng.uniform(0.05, 0.22), rng.uniform(0.78, 0.95)]) if behind else rng.normal(0.5, 0.13)
    # Feet are never seen: the figure ends at or below the lower border, its head somewhere above it.
    lowest, highest = SIDE - height * 0.98, SIDE - height * 0.62
    top = rng.uniform(max(min(lowest, SIDE * 0.3), -0.12 * height), max(highest, lowest * 0.3))
    place(canvas, figure, centre * SIDE, top, (width, height), rng.normal(0, 9))


def cover_corner(canvas: Image.Image, rng: np.random.Generator) -> None:
    """Something close to the camera hides a side of the picture."""
    grey = rng.uniform(30, 110) + rng.uniform(-20, 20, 3)
    thing = Image.new("RGBA", (SIDE // 2, SIDE * 2), (*(int(v) for v in grey), 255))
    turned = thing.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    turned = turned.filter(ImageFilter.GaussianBlur(2.5))
    x = rng.choice([rng.uniform(-0.45, -0.25), rng.uniform(0.7, 0.85)]) * SIDE
    canvas.paste(turned, (round(x), round(-0.5 * SIDE)), turned)


def picture_rng(seed: int, part: str, name: str, number: int) -> np.random.Generator:
    """The generator of one picture."""
    return np.random.default_rng([seed, zlib.crc32(f"{part}/{name}".encode()), number])


def plan(characters: int, per_class: int | None, seed: int) -> list[tuple[str, str, int]]:
    """All pictures to draw, (part, character, number); `per_class` of each, or numbers with the homework's long tail.

    Fewer than 42 characters are the first of a seeded shuffle, which also decides who is seen how often.
    """
    order = [str(name) for name in np.random.default_rng(seed).permutation(sorted(CAST))][:characters]
    counts = dict.fromkeys(order, per_class) if per_class else training_counts(order)
    tests = {name: per_class or max(TEST_LEAST, round(TEST_SHARE * n)) for name, n in counts.items()}
    return [
        (part, name, number)
        for part, numbers in (("train", counts), ("test", tests))
        for name in order
        for number in range(numbers[name])
    ]


def picture_path(part: str, name: str, number: int) -> str:
    """Where a picture lies below the data set's folder; a test picture's name does not tell who it is."""
    return (
        f"{FOLDERS['train']}/{name}/pic_{number:04d}.jpg" if part == "train" else f"{FOLDERS['test']}/img{number}.jpg"
    )
