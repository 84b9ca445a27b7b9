"""Faces: LFW or the drawn stand-in, read by the same loader; cropped, decoded once to a memory-mapped array.

Source of the pictures: G. B. Huang et al., "Labeled faces in the wild", 2007, and "Learning to align from scratch",
2012 (deep-funneled).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from autoencoders.attributes import read_all_attributes
from autoencoders.config import Config
from coursework.datasets import first_source
from coursework.images import decode_once, read_middle
from coursework.lfw import BELOW, find_lfw, list_pictures
from coursework.people import stand_in
from coursework.standins import read_mark

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
    folder = find_lfw()
    return folder and read_faces(folder, config, "lfw", "LFW deep-funneled, photographs of faces")


def load_drawn(config: Config) -> Faces:
    """The stand-in, drawn on first use."""
    folder = stand_in(config.people, config.pictures, 2 * round(config.side / CROP / 2), config.drawing_seed)
    faces = read_faces(
        folder, config, "drawn_faces", "drawn stand-in for LFW: cartoon faces of people who do not exist"
    )
    return replace(faces, generator=read_mark(folder)["generator"])


def read_faces(folder: Path, config: Config, name: str, source: str) -> Faces:
    """Every picture below `folder`/lfw-deepfunneled/<Person>/, with what is known of it."""
    paths = list_pictures(folder)[: config.limit]
    images = decode_once("8W", paths, partial(read_middle, side=config.side, share=CROP), config.side)
    attributes, notes = read_all_attributes(folder, [path.name for path in paths])
    people = np.array([path.parent.name for path in paths])
    return Faces(images, [path.name for path in paths], people, attributes, name, source, tuple(notes))


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
