"""Image files: finding them, reading them upright and in RGB, many at once, and keeping them decoded.

All weeks read image files through `read_rgb`, so that no two of them see a file differently.
"""

import hashlib
import inspect
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.Image import Transpose
from tqdm import tqdm

from coursework.folders import visible
from coursework.records import build_root, create
from coursework.runtime import thread_count
from coursework.standins import source_hash

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif")  # of an animation, the first frame counts
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for bad files
# EXIF orientation: the transposition that puts the stored pixels upright. Source: the EXIF 2.3 standard, tag 0x0112.
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
QUARTER_TURNS = (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)


def list_images(folder: Path) -> list[Path]:
    """The image files in a folder, sorted; hidden files do not count."""
    return [path for path in visible(folder) if path.suffix.lower() in SUFFIXES and not path.is_dir()]


def list_images_below(folder: Path) -> list[Path]:
    """The image files in a folder and all folders below it, sorted; links to folders are followed, each one once."""
    found, seen, waiting = [], set(), [folder]
    while waiting:
        place = waiting.pop()
        if place.resolve() not in seen:  # a link may lead to a folder above it
            seen.add(place.resolve())
            found += list_images(place)
            waiting += [path for path in visible(place) if path.is_dir()]
    return sorted(found)


@contextmanager
def open_image(path: Path):
    """Open an image file with Pillow. Raises ValueError with the file's name, also for errors in the `with` block."""
    name = f"{path.parent.name}/{path.name}"
    if path.exists() and path.stat().st_size == 0:
        raise ValueError(f"{name} is empty")
    try:
        with Image.open(path) as image:
            yield image
    except UnidentifiedImageError:
        with open(path, "rb") as file:
            raise ValueError(f"{name} is no image file, it starts with {file.read(15)!r}") from None
    except FileNotFoundError:
        raise ValueError(f"{name} {'is a broken symbolic link' if path.is_symlink() else 'does not exist'}") from None
    except UNREADABLE as error:
        raise ValueError(f"{name} cannot be read ({str(error).replace(str(path), path.name)})") from None


def turn_of(image: Image.Image) -> Transpose | None:
    """The transposition that puts an opened image upright, by its EXIF orientation; None if there is nothing to do."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except SyntaxError:  # damaged EXIF data says nothing; every viewer then shows the pixels as they are stored
        return None


def turned_size(size: tuple[int, int], turn: Transpose | None) -> tuple[int, int]:
    """Width and height after a transposition."""
    return size[::-1] if turn in QUARTER_TURNS else size


def read_rgb(path: Path) -> Image.Image:
    """An image file as 8-bit RGB, upright: 16-bit greys are scaled, and what is transparent lies on white.

    Raises: ValueError that names the file if it is empty, cut off or no image.
    """
    with open_image(path) as image:
        turn, rgb = turn_of(image), as_rgb(image)
    return rgb if turn is None else rgb.transpose(turn)


def as_rgb(image: Image.Image) -> Image.Image:
    """An opened image of any mode as 8-bit RGB. Raises OSError for floating-point pixels, whose range is unknown."""
    if image.mode == "F":
        raise OSError("its pixels are floating-point numbers; save it with 8 bits per channel")
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float64) / 257
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def turn_of_labels(path: Path, size: tuple[int, int]) -> Transpose | None:
    """The transposition that brings labels, made for an image of this width and height, onto the image of `read_rgb`.

    Labels (a mask, boxes) may refer to the pixels as they are stored or to the upright image: `size` tells which.
    Raises: ValueError if it fits neither, or fits both although the file is stored turned.
    """
    with open_image(path) as image:
        stored, turn = image.size, turn_of(image)
    upright = turned_size(stored, turn)
    if size not in (stored, upright):
        shown, wanted = ("{} × {}".format(*some) for some in (upright, size))
        raise ValueError(f"{path.name} has {shown} pixels, but its labels are for {wanted}; the sizes must agree")
    if turn is not None and stored == upright:
        raise ValueError(
            f"{path.name} has an EXIF orientation ({turn.name} makes it upright). The stored and the upright image "
            "have the same size, so it is unclear to which of them the labels refer; save it upright, without EXIF data"
        )
    return None if size == upright else turn


def turn_boxes(boxes: np.ndarray, turn: Transpose | None, size: tuple[int, int]) -> np.ndarray:
    """Boxes (n, 4) of left, top, right, bottom, in an image of this size, after a quarter turn of `TURNS`, or None."""
    if turn is None:
        return boxes
    left, top, right, bottom = boxes.T
    if turn in (Transpose.ROTATE_90, Transpose.TRANSVERSE):
        left, right = size[0] - right, size[0] - left
    if turn in (Transpose.ROTATE_270, Transpose.TRANSVERSE):
        top, bottom = size[1] - bottom, size[1] - top
    return np.stack([top, left, bottom, right], axis=1)


def read_middle(path: Path, side: int, share: float) -> np.ndarray:
    """The middle of one image, a square of `share` of its shorter side, scaled to (side, side, 3)."""
    image = read_rgb(path)
    size = share * min(image.size)
    x, y = (image.width - size) / 2, (image.height - size) / 2
    box = (x, y, x + size, y + size)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3))


def join_tiles(images: np.ndarray) -> np.ndarray:
    """A block of images (rows, columns, S, S, …) as one image without gaps, (rows · S, columns · S, …)."""
    rows, columns, side = images.shape[:3]
    return images.swapaxes(1, 2).reshape(rows * side, columns * side, *images.shape[4:])


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


def decode_once(week: str, paths: list[Path], read: Callable[[Path], np.ndarray], side: int) -> np.ndarray:
    """All images decoded by `read`, uint8 (n, side, side, 3); the first call writes them to a cache file.

    The array is memory-mapped from `build/<week>/cache/`; `cache_key` gives the file's name.
    Raises: ValueError that names the files that cannot be read.
    """
    target = build_root() / week / "cache" / f"images-{cache_key(paths, read, side)}.npy"
    if not target.is_file():
        create(target.parent)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            decode(paths, read, side, part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return np.load(target, mmap_mode="r")


def cache_key(paths: list[Path], read: Callable[[Path], np.ndarray], side: int) -> str:
    """The cache key: a hash of file names, sizes and dates, of `read` and its arguments, of this module and Pillow.

    An array that was decoded by other code or another version of Pillow is therefore never used.
    """
    facts = [(path.name, *file_facts(path)) for path in paths]
    code = source_hash([Path(__file__)]), inspect.getsource(getattr(read, "func", read)), PIL.__version__
    return hashlib.sha256(repr((facts, side, getattr(read, "keywords", {}), code)).encode()).hexdigest()[:16]


def file_facts(path: Path) -> tuple[int, int] | tuple[None, None]:
    """Size and date of a file; None of a link that leads nowhere, which is named when it is read."""
    if not path.exists():
        return None, None
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def decode(paths: list[Path], read: Callable[[Path], np.ndarray], side: int, target: Path) -> None:
    """Decode all images into one array file. Raises ValueError that names the files that cannot be read."""
    images = np.lib.format.open_memmap(target, "w+", np.uint8, (len(paths), side, side, 3))

    def read_one(row: int) -> None:
        images[row] = read(paths[row])

    faults = [str(error) for error in read_each(len(paths), read_one, "reading", "it").values()]
    images.flush()
    if faults:
        shown = "; ".join(faults[:5])
        raise ValueError(f"{len(faults)} of {len(paths)} images cannot be read: {shown}; fetch them again")
