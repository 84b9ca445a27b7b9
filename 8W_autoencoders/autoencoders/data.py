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

# What the notebook needs of each part: faces with (1) or without (0) each attribute, as classifiers and directions are
# found in "train", strengths are chosen in "validation" on faces without it, and both kinds are counted in "test";
# pictures of one person, of which one must be found by another (in "train", one more is for validation); faces at all.
ATTRIBUTES_NEEDED = {"train": (1, 0), "validation": (0,), "test": (1, 0)}
PICTURES_NEEDED = {"train": 3, "validation": 2, "test": 2}
FACES_NEEDED = {"train": 24, "validation": 2, "test": 8}
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
            f"no lfw/{BELOW}/ in the data folder; download LFW (python -m coursework fetch 8W), or use the profile "
            "sample"
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


def check_parts(parts: dict[str, Faces], attributes: tuple[str, ...]) -> None:
    """Raise ValueError that names all that the notebook would miss in the parts of `split_people`, with the counts."""
    lacking = [line for name, part in parts.items() for line in find_lacking(name, part, attributes)]
    if lacking:
        people = sum(len(np.unique(part.people)) for part in parts.values())
        raise ValueError(
            f"{people} people are too few: {'; '.join(lacking)}. Put more people of LFW into lfw/ of the data folder, "
            "or raise the setting people (of the drawn ones), limit (of the faces) or parts (shares of the people)"
        )


def find_lacking(name: str, part: Faces, attributes: tuple[str, ...]) -> list[str]:
    """What the notebook would miss in one part, in words."""
    lacking = []
    if len(part) < FACES_NEEDED[name]:
        lacking.append(f"{name} has {len(part)} faces, expected {FACES_NEEDED[name]}")
    if np.unique(part.people, return_counts=True)[1].max() < PICTURES_NEEDED[name]:
        lacking.append(f"nobody in {name} has {PICTURES_NEEDED[name]} pictures")
    for attribute in attributes:
        counts = {value: int((part.attributes[attribute] == value).sum()) for value in (1, 0)}
        if not all(counts[value] for value in ATTRIBUTES_NEEDED[name]):
            expected = "some of both" if len(ATTRIBUTES_NEEDED[name]) == 2 else "some without"
            lacking.append(
                f"{attribute} in {name}: {counts[1]} faces with and {counts[0]} without, expected {expected}"
            )
    return lacking
