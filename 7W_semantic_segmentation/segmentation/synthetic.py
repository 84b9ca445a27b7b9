"""Synthetic dermoscopic images in the layout of PH2, generated with a seed, image by image."""

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
LEAST = 0.02  # fraction of the image; smaller lesions are generated again, since PH2 has none
SOURCES = ("dermoscopy.py", "synthetic.py")


def generator_hash() -> str:
    """The SHA-256 of all code that generates images, which identifies them in a record."""
    return source_hash([Path(__file__).parent / name for name in SOURCES])


def generate_lesions(count: int, seed: int, chosen: Sequence[int] | None = None) -> Path:
    """The folder of `count` synthetic images, generated on first use; if given, only the `chosen` ones are needed."""
    facts = {"generator": generator_hash(), "seed": seed, "count": count}
    whole = stand_in_dir(f"ph2-{count}")
    if chosen is None or read_mark(whole) == facts:
        return write_stand_in(whole.name, facts, generate_files(range(count), seed))
    numbers = sorted(map(int, chosen))
    return write_stand_in(f"ph2-{len(numbers)}-of-{count}", facts | {"some": numbers}, generate_files(numbers, seed))


def generate_files(numbers: Sequence[int], seed: int) -> Iterator[tuple[str, bytes]]:
    """Image and mask of each of these cases as (path, BMP file)."""
    jobs = min(thread_count(), len(numbers) // 20 + 1)  # starting a process takes as long as several images
    generated = Parallel(n_jobs=jobs, return_as="generator")(delayed(generate_case)(k, seed) for k in numbers)
    pairs = zip(numbers, generated, strict=True)
    for number, (image, mask) in tqdm(pairs, total=len(numbers), desc="generating images", unit="image", leave=False):
        name = case_name(number)
        case = "/".join((*BELOW, name))
        yield f"{case}/{name}_Dermoscopic_Image/{name}.bmp", as_bmp(Image.fromarray(image))
        yield f"{case}/{name}_lesion/{name}_lesion.bmp", as_bmp(Image.fromarray(mask * 255).convert("1"))


def case_name(number: int) -> str:
    """The name of a case; `number` is counted from 0."""
    return f"IMD{number + 1:03d}"


def generate_case(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) and mask (H, W), uint8, of a case, which depends on its number and the seed only."""
    rng = np.random.default_rng([seed, number])
    while True:
        image, mask = draw_lesion(rng)
        if LEAST <= mask.mean() < 1:
            return image, mask


def as_bmp(image: Image.Image) -> bytes:
    """An image as a BMP file."""
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()
