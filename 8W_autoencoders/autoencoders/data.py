"""Faces: LFW or the drawn stand-in, read by the same loader; cropped, decoded once to a memory-mapped array.

Source of the pictures: G. B. Huang et al., "Labeled faces in the wild", 2007, and "Learning to align from scratch",
2012 (deep-funneled).
"""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from autoencoders.attributes import read_all_attributes
from autoencoders.config import Config
from autoencoders.people import stand_in
from coursework.datasets import data_dir, first_source
from coursework.pictures import read_each
from coursework.records import build_root
from coursework.standins import read_mark, refuse_stand_in

BELOW = "lfw-deepfunneled"
CROP = 90 / 250  # of the side: the homework's, the face without most of the hair


@dataclass(frozen=True)
class Faces:
    """Images, uint8 (n, S, S, 3); file names; whose they are, (n,); attributes, n rows of 1, 0 or NaN; notes."""

    images: np.ndarray
    files: list[str]
    people: np.ndarray
    attributes: pd.DataFrame
    name: str
    source: str
    notes: tuple[str, ...] = ()
    generator: str | None = None

    def __len__(self):
        return len(self.files)

    def take(self, rows: np.ndarray) -> "Faces":
        """These rows only."""
        files, attributes = [self.files[row] for row in rows], self.attributes.iloc[rows]
        return replace(self, images=self.images[rows], files=files, people=self.people[rows], attributes=attributes)


def load_faces(config: Config) -> Faces:
    """The first of the config's sources that is there: "folder" or "drawn".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    faces = first_source(config, config.sources, {"folder": load_folder, "drawn": load_drawn})
    if faces is None:
        raise FileNotFoundError(
            f"no lfw/{BELOW}/ in the data folder; put LFW's deep-funneled images there (Kaggle "
            "jessicali9530/lfw-dataset has them), or use the profile sample"
        )
    return faces


def load_folder(config: Config) -> Faces | None:
    """LFW, in `lfw/` of the data folder; None if it is not there."""
    folder = data_dir() / "lfw"
    if not (folder / BELOW).is_dir() or not any((folder / BELOW).iterdir()):
        return None
    refuse_stand_in(folder)
    return read_faces(folder, config, "lfw", "LFW deep-funneled, photographs of faces")


def load_drawn(config: Config) -> Faces:
    """The stand-in, drawn on first use."""
    folder = stand_in(config.people, config.pictures, config.drawing_seed)
    faces = read_faces(
        folder, config, "drawn_faces", "drawn stand-in for LFW: cartoon faces of people who do not exist"
    )
    return replace(faces, generator=read_mark(folder)["generator"])


def read_faces(folder: Path, config: Config, name: str, source: str) -> Faces:
    """Every picture below `folder`/lfw-deepfunneled/<Person>/, with what is known of it."""
    paths = list_pictures(folder / BELOW)[: config.limit]
    images = cached_pictures(paths, config.side)
    attributes, notes = read_all_attributes(folder, [path.name for path in paths])
    people = np.array([path.parent.name for path in paths])
    return Faces(images, [path.name for path in paths], people, attributes, name, source, tuple(notes))


def list_pictures(folder: Path) -> list[Path]:
    """All pictures, sorted by person and number. Raises ValueError for none, or for two of the same name."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise ValueError(f"{folder.name}/ holds no <Person>/<Person>_0001.jpg; unpack LFW again")
    names = pd.Series([path.name for path in paths])
    if names.duplicated().any():
        raise ValueError(f"{names[names.duplicated()].iloc[0]} is there twice, in two folders; remove one")
    return paths


def cached_pictures(paths: list[Path], side: int) -> np.ndarray:
    """The pictures, cropped and decoded, (n, side, side, 3), from a file below `build/` that the first call writes.

    Raises: ValueError that names the files that cannot be read.
    """
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    key = hashlib.sha256(repr((facts, side, CROP)).encode()).hexdigest()[:16]
    target = build_root() / "8W" / "cache" / f"faces-{key}.npy"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            write_pictures(paths, side, part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return np.load(target, mmap_mode="r")


def write_pictures(paths: list[Path], side: int, target: Path) -> None:
    """Decode all pictures into one array file."""
    images = np.lib.format.open_memmap(target, "w+", np.uint8, (len(paths), side, side, 3))

    def read(row: int) -> None:
        images[row] = read_face(paths[row], side)

    faults = [f"{paths[row].name}: {error}" for row, error in read_each(len(paths), read, "reading", "face").items()]
    images.flush()
    if faults:
        shown = "; ".join(faults[:5])
        raise ValueError(f"{len(faults)} of {len(paths)} faces cannot be read: {shown}; fetch them again")


def read_face(path: Path, side: int) -> np.ndarray:
    """The middle of one picture, (side, side, 3): a square of CROP of its shorter side."""
    with Image.open(path) as image:
        size = CROP * min(image.size)
        x, y = (image.width - size) / 2, (image.height - size) / 2
        box = (x, y, x + size, y + size)
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3))


def split_people(faces: Faces, parts: tuple[float, float], seed: int) -> dict[str, np.ndarray]:
    """Rows for "train", "validation" and "test", such that nobody is in two of them; `parts` are shares of people.

    Raises: ValueError if a part would be empty.
    """
    people = np.random.default_rng(seed).permutation(np.unique(faces.people))
    ends = np.cumsum([round(share * len(people)) for share in parts])
    groups = dict(zip(("validation", "test", "train"), np.split(people, ends), strict=True))
    rows = {name: np.flatnonzero(np.isin(faces.people, group)) for name, group in groups.items()}
    empty = [name for name, found in rows.items() if len(found) == 0]
    if empty:
        raise ValueError(f"{len(people)} people are too few: nobody is left for {', '.join(empty)}")
    return rows
