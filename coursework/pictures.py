"""Reading many picture files at once, saying which of them failed, and keeping them decoded."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from coursework.records import build_root, create
from coursework.runtime import thread_count

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for bad files


def read_each(number: int, read: Callable[[int], None], title: str, unit: str) -> dict[int, Exception]:
    """Call `read` with 0 to number - 1, on all cores, with a progress bar; returns {row: error} of those that fail."""
    faults = {}

    def attempt(row: int) -> None:
        try:
            read(row)
        except UNREADABLE as error:
            faults[row] = error

    with ThreadPoolExecutor(thread_count()) as pool:  # Pillow lets other threads work while it decodes
        for _ in tqdm(pool.map(attempt, range(number)), total=number, desc=title, unit=unit, leave=False):
            pass
    return dict(sorted(faults.items()))


def join_tiles(images: np.ndarray) -> np.ndarray:
    """A block of pictures (rows, columns, S, S, …) as one picture without gaps, (rows · S, columns · S, …)."""
    rows, columns, side = images.shape[:3]
    return images.swapaxes(1, 2).reshape(rows * side, columns * side, *images.shape[4:])


def decode_once(week: str, paths: list[Path], read: Callable[[Path], np.ndarray], side: int) -> np.ndarray:
    """What `read` makes of each picture, bytes (n, side, side, 3), from a file that the first call writes.

    The array is mapped from `build/<week>/cache/`. Its name tells pictures, their sizes and dates, and `read`'s
    arguments apart; delete the folder after a change of its code.
    Raises: ValueError that names the files that cannot be read.
    """
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    arguments = getattr(read, "keywords", {})
    key = hashlib.sha256(repr((facts, side, arguments)).encode()).hexdigest()[:16]
    target = build_root() / week / "cache" / f"pictures-{key}.npy"
    if not target.is_file():
        create(target.parent)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            decode(paths, read, side, part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return np.load(target, mmap_mode="r")


def decode(paths: list[Path], read: Callable[[Path], np.ndarray], side: int, target: Path) -> None:
    """Decode all pictures into one array file."""
    images = np.lib.format.open_memmap(target, "w+", np.uint8, (len(paths), side, side, 3))

    def read_one(row: int) -> None:
        images[row] = read(paths[row])

    faults = [f"{paths[row].name}: {error}" for row, error in read_each(len(paths), read_one, "reading", "it").items()]
    images.flush()
    if faults:
        shown = "; ".join(faults[:5])
        raise ValueError(f"{len(faults)} of {len(paths)} pictures cannot be read: {shown}; fetch them again")


def read_middle(path: Path, side: int, share: float) -> np.ndarray:
    """The middle of one picture, a square of `share` of its shorter side, scaled to (side, side, 3)."""
    with Image.open(path) as image:
        size = share * min(image.size)
        x, y = (image.width - size) / 2, (image.height - size) / 2
        box = (x, y, x + size, y + size)
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3))
