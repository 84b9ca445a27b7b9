"""Reading many picture files at once, and saying which of them failed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image
from tqdm import tqdm

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
