"""The drawn stand-in: synthetic dermoscopy in PH2's layout, seeded, picture by picture."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from PIL import Image
from tqdm import tqdm

from coursework.runtime import thread_count
from coursework.standins import source_hash, write_stand_in
from segmentation.dermoscopy import draw_lesion

BELOW = ("PH2Dataset", "PH2 Dataset images")  # of the folder that holds the database
LEAST = 0.02  # of the picture: what is smaller is drawn again, since PH2 has none such
SOURCES = ("dermoscopy.py", "standin.py")


def generator_hash() -> str:
    """The SHA-256 of all code that draws, so that a record can say which pictures it speaks of."""
    return source_hash([Path(__file__).parent / name for name in SOURCES])


def stand_in(count: int, seed: int) -> Path:
    """The folder of the stand-in with so many cases, drawn on first use."""
    facts = {"generator": generator_hash(), "seed": seed, "count": count}
    return write_stand_in(f"ph2-{count}", facts, draw_files(count, seed))


def draw_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Every image and mask as (path, BMP file)."""
    jobs = min(thread_count(), count // 20 + 1)  # starting a process takes as long as some drawings
    drawn = Parallel(n_jobs=jobs, return_as="generator")(delayed(draw_number)(k, seed) for k in range(count))
    for number, (picture, mask) in enumerate(tqdm(drawn, total=count, desc="drawing", unit="case", leave=False)):
        name = f"IMD{number + 1:03d}"
        case = "/".join((*BELOW, name))
        yield f"{case}/{name}_Dermoscopic_Image/{name}.bmp", bitmap(Image.fromarray(picture))
        yield f"{case}/{name}_lesion/{name}_lesion.bmp", bitmap(Image.fromarray(mask * 255).convert("1"))


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
