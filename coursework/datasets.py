"""The data folder: where it is, and how archives get into it safely.

`COURSEWORK_DATA` (default: `data/` at the repository's root) holds one folder a data set, in its publisher's layout.
Loaders and stand-ins live in the weeks; `python -m coursework unpack FOLDER` puts archives from FOLDER in place.
"""

import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from coursework.weeks import ROOT


def data_dir() -> Path:
    """The data folder; it need not exist yet."""
    return Path(os.environ.get("COURSEWORK_DATA", ROOT / "data"))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file at `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str) -> None:
    """Raise FileNotFoundError if `path` is missing, ValueError if its SHA-256 is not `expected`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent}; put it there")
    found = sha256(path)
    if found != expected:
        raise ValueError(f"{path.name} has SHA-256 {found[:12]}…, expected {expected[:12]}…; fetch it again")


def extract_zip(archive: Path, target: Path, finish: Callable[[Path], None] | None = None) -> None:
    """Unpack `archive` as the new folder `target`, whole or not at all.

    A top folder of the archive that has the target's name becomes the target. `finish` is called on the unpacked
    folder before it gets its final name.
    Raises: ValueError for a file that is no zip, a damaged one, or a member that would land outside `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            with zipfile.ZipFile(archive) as members:
                refuse_escapes(members.namelist(), archive.name)
                members.extractall(unpacked)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            start = archive.read_bytes()[:15]
            raise ValueError(f"{archive.name} is no intact zip (it starts with {start!r}); fetch it again") from None
        if (unpacked / target.name).is_dir():
            unpacked = unpacked / target.name
        if finish:
            finish(unpacked)
        os.replace(unpacked, target)


def refuse_escapes(names: list[str], archive: str) -> None:
    """Raise ValueError if a member name is absolute or climbs out with '..'."""
    for name in names:
        if name.startswith(("/", "\\")) or ".." in Path(name).parts or ":" in name:
            raise ValueError(f"{archive} has a member {name!r} outside its folder; do not trust it")


def photographs_as_bmp(folder: Path) -> None:
    """PH2's photographs travel as JPEG; its layout and its loaders expect BMP."""
    from PIL import Image

    for path in sorted(folder.rglob("*_Dermoscopic_Image/*.jpg")):
        with Image.open(path) as image:
            image.convert("RGB").save(path.with_suffix(".bmp"))
        path.unlink()


# archive or file: (SHA-256, place below the data folder)
KNOWN = {
    "ph2.zip": ("acd6299f5fafd6515c87f17ba79e6d3d36231995f82b9d45b2db69cb27ac4d7d", "ph2/PH2Dataset"),
    "lfw-deepfunneled.zip": (
        "94897a3f9add949037d610afaa11db9c7465ea3047637323bdd9e80b40dc0441",
        "lfw/lfw-deepfunneled",
    ),
    "lfw_expressions.csv": (
        "a03cbf602357e903dfad9020113a0234c3a90d001f049fbdf6e27435f02803e2",
        "lfw/lfw_expressions.csv",
    ),
    "hardhat_181.zip": ("b869ac377caa7ee1e4c8f1cc4a4d271891da21b0d1a17722e0cc1f2119e0b08c", "hardhat"),
    "simpsons_28px.zip": ("3b90f6c4af51ae327f769f6f62e9cae81475e9ecd84aa8f64e77de66c87b2cef", "simpsons_28px"),
}
FINISH = {"ph2.zip": photographs_as_bmp}


def unpack_all(folder: Path) -> list[str]:
    """Put every known archive and file of `folder` into the data folder; what is there already stays.

    Returns one line a data set. Raises: FileNotFoundError if `folder` holds none of them, ValueError for a bad one.
    """
    found = [name for name in KNOWN if (folder / name).is_file()]
    if not found:
        raise FileNotFoundError(f"{folder} holds none of {', '.join(KNOWN)}; name the folder that does")
    return [place(folder / name) for name in found]


def place(source: Path) -> str:
    """Put one known archive or file where its data set belongs, and say so in a line."""
    expected, below = KNOWN[source.name]
    target = data_dir() / below
    if target.exists():
        return f"{below}: already there"
    verify(source, expected)
    if source.suffix == ".zip":
        extract_zip(source, target, FINISH.get(source.name))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".part")
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    return f"{below}: unpacked from {source.name}"
