"""The drawn stand-in: synthetic dermoscopy in PH2's layout, seeded, picture by picture."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from PIL import Image
from tqdm import tqdm

from coursework.runtime import thread_count
from coursework.standins import read_mark, source_hash, stand_in_dir, write_stand_in
from segmentation.dermoscopy import draw_lesion

BELOW = ("PH2Dataset", "PH2 Dataset images")  # of the folder that holds the database
LEAST = 0.02  # of the picture: what is smaller is drawn again, since PH2 has none such
SOURCES = ("dermoscopy.py", "standin.py")


def generator_hash() -> str:
    """The SHA-256 of all code that draws, so that a record can say which pictures it speaks of."""
    return source_hash([Path(__file__).parent / name for name in SOURCES])


def stand_in(count: int, seed: int, some: Sequence[int] | None = None) -> Path:
    """The folder of the stand-in with so many cases, drawn on first use; of `some` of these at least, if given."""
    facts = {"generator": generator_hash(), "seed": seed, "count": count}
    whole = stand_in_dir(f"ph2-{count}")
    if some is None or read_mark(whole) == facts:
        return write_stand_in(whole.name, facts, draw_files(range(count), seed))
    numbers = sorted(map(int, some))
    return write_stand_in(f"ph2-{len(numbers)}-of-{count}", facts | {"some": numbers}, draw_files(numbers, seed))


def draw_files(numbers: Sequence[int], seed: int) -> Iterator[tuple[str, bytes]]:
    """Image and mask of each of these cases as (path, BMP file)."""
    jobs = min(thread_count(), len(numbers) // 20 + 1)  # starting a process takes as long as some drawings
    drawn = Parallel(n_jobs=jobs, return_as="generator")(delayed(draw_number)(k, seed) for k in numbers)
    bar = tqdm(zip(numbers, drawn, strict=True), total=len(numbers), desc="drawing", unit="case", leave=False)
    for number, (picture, mask) in bar:
        name = case_name(number)
        case = "/".join((*BELOW, name))
        yield f"{case}/{name}_Dermoscopic_Image/{name}.bmp", bitmap(Image.fromarray(picture))
        yield f"{case}/{name}_lesion/{name}_lesion.bmp", bitmap(Image.fromarray(mask * 255).convert("1"))


def case_name(number: int) -> str:
    """What case `number`, counted from 0, is called."""
    return f"IMD{number + 1:03d}"


def draw_number(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Case `number`, which depends on it and the seed alone: a lesion that shows, and skin around it."""
    rng = np.random.default_rng([seed, number])
    while True:
        picture, mask = draw_lesion(rng)
        if LEAST <= mask.mean() < 1:
            return picture, mask


def bitmap(image: Image.Image) -> bytes:
    """The picture as a BMP file."""
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()
