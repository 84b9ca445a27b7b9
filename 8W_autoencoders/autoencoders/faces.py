"""Images of faces: LFW or synthetic faces, read by the same loader; cropped and decoded once.

Source of the images: G. B. Huang et al., "Labeled faces in the wild", 2007, and "Learning to align from scratch", 2012
(deep-funneled).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from autoencoders.attributes import read_all_attributes
from autoencoders.config import Config
from coursework.datasets import first_source
from coursework.images import decode_once, read_middle
from coursework.lfw import BELOW, find_lfw, list_pictures
from coursework.people import stand_in
from coursework.provenance import Fingerprint, fingerprint
from coursework.standins import read_mark

ATTRIBUTES = ("smiling", "glasses")
# Of the side of LFW's images, 250 pixels: from the hairline to below the chin, and 128 pixels without resampling.
CROP = 128 / 250
HOMEWORK_CROP = 90 / 250  # cuts the chin
# Two names of one person, found by comparing images; both names are put into the same part.
SAME_PERSON = {"Bart_Hendricks": "Ricky_Ray", "Raul_Ibanez": "Carlos_Beltran"}
# The least that the notebooks need of each part: faces with (1) or without (0) each attribute; images of one person;
# faces at all.
ATTRIBUTES_NEEDED = {"train": (1, 0), "validation": (1, 0), "test": (1, 0)}
IMAGES_OF_ONE_NEEDED = {"train": 3, "validation": 2, "test": 2}
FACES_NEEDED = {"train": 24, "validation": 2, "test": 8}
FEW = 10  # below this number of faces with an attribute, results about it are hardly meaningful


@dataclass(frozen=True)
class Faces:
    """Images, uint8 (n, S, S, 3); file names; people, (n,); attributes, n rows of 1, 0 or NaN (unknown); notes."""

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

    def subset(self, rows: np.ndarray) -> "Faces":
        """These rows only."""
        files, attributes = [self.files[row] for row in rows], self.attributes.iloc[rows]
        return replace(self, images=self.images[rows], files=files, people=self.people[rows], attributes=attributes)

    def labels(self, attribute: str) -> np.ndarray:
        """1, 0 or NaN of each face, (n,)."""
        return self.attributes[attribute].to_numpy(float)


def load_faces(config: Config) -> Faces:
    """The first of the config's sources that is there: "folder" or "synthetic".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    faces = first_source(config, config.sources, {"folder": load_folder, "synthetic": load_synthetic})
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


def load_synthetic(config: Config) -> Faces:
    """The synthetic faces, generated on first use."""
    folder = stand_in(config.people, config.images_per_person, 2 * round(config.side / CROP / 2), config.synthetic_seed)
    faces = read_faces(folder, config, "synthetic_faces", "synthetic faces: cartoons of people who do not exist")
    return replace(faces, generator=read_mark(folder)["generator"])


def read_faces(folder: Path, config: Config, name: str, source: str) -> Faces:
    """Every image below `folder`/lfw-deepfunneled/<Person>/, with its attributes."""
    paths = list_pictures(folder)[: config.limit]
    images = decode_once("8W", paths, partial(read_middle, side=config.side, share=CROP), config.side)
    attributes, notes = read_all_attributes(folder, [path.name for path in paths])
    people = np.array([SAME_PERSON.get(path.parent.name, path.parent.name) for path in paths])
    return Faces(images, [path.name for path in paths], people, attributes, name, source, tuple(notes))


def split_people(faces: Faces, parts: tuple[float, float], seed: int) -> dict[str, Faces]:
    """Parts "train", "validation" and "test" without common people; `parts` are the last two's fractions of people.

    Raises: ValueError that names all that the notebooks would lack, with the counts.
    """
    found = {name: faces.subset(rows) for name, rows in assign_people(faces.people, parts, seed).items()}
    lacking = [line for name, part in found.items() for line in find_lacking(name, part)]
    if lacking:
        people = len(np.unique(faces.people))
        raise ValueError(
            f"{people} people are too few: {'; '.join(lacking)}. Put more people of LFW into lfw/ of the data folder, "
            "or raise the setting people (synthetic ones), limit (images) or parts (fractions of the people)"
        )
    return found


def assign_people(people: np.ndarray, parts: tuple[float, float], seed: int) -> dict[str, np.ndarray]:
    """The rows of each part, such that all images of a person, (n,), are in one part."""
    names = np.random.default_rng(seed).permutation(np.unique(people))
    ends = np.cumsum([round(fraction * len(names)) for fraction in parts])
    groups = dict(zip(("validation", "test", "train"), np.split(names, ends), strict=True))
    return {name: np.flatnonzero(np.isin(people, groups[name])) for name in ATTRIBUTES_NEEDED}


def find_lacking(name: str, part: Faces) -> list[str]:
    """What the notebooks would lack in one part, in words."""
    if len(part) < FACES_NEEDED[name]:
        return [f"{name} has {len(part)} faces, expected {FACES_NEEDED[name]}"]
    lacking = []
    if np.unique(part.people, return_counts=True)[1].max() < IMAGES_OF_ONE_NEEDED[name]:
        lacking.append(f"nobody in {name} has {IMAGES_OF_ONE_NEEDED[name]} images")
    for attribute in ATTRIBUTES:
        counts = {value: int((part.attributes[attribute] == value).sum()) for value in (1, 0)}
        if not all(counts[value] for value in ATTRIBUTES_NEEDED[name]):
            lacking.append(
                f"{attribute} in {name}: {counts[1]} faces with and {counts[0]} without, expected some of both"
            )
    return lacking


def warn_of_few(parts: dict[str, Faces]) -> list[str]:
    """A line for each attribute with fewer than FEW faces in a part."""
    counts = {(a, name): int((part.labels(a) == 1).sum()) for a in ATTRIBUTES for name, part in parts.items()}
    return [
        f"{attribute}: only {count} faces with it in {name}; results about it are hardly meaningful"
        for (attribute, name), count in counts.items()
        if count < FEW
    ]


def fingerprint_of(faces: Faces, config: Config, labels: bool = False) -> tuple[Fingerprint, dict]:
    """The fingerprint of all images, with `labels` also of the attributes, and the settings of the split."""
    arrays = [faces.images, *([faces.attributes[list(ATTRIBUTES)].to_numpy(float)] if labels else [])]
    split = {"parts": list(config.parts), "split_seed": config.seed, "side": config.side, "items": len(faces)}
    names = [f"{person}/{file}" for person, file in zip(faces.people, faces.files, strict=True)]
    return fingerprint(faces.name, names, *arrays), split


def to_tensor(images: np.ndarray) -> torch.Tensor:
    """Images (..., S, S, 3), uint8 or floats in [0, 1], as float32 (..., 3, S, S) in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).movedim(-1, -3)
    return tensor.float() / 255 if images.dtype == np.uint8 else tensor.float()


def shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Images (n, S, S, 3), uint8, reduced to `side` pixels by averaging; S is a multiple of it."""
    factor = images.shape[1] // side
    blocks = images.reshape(len(images), side, factor, side, factor, 3)
    return blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)


class FaceImages(Dataset):
    """Batches (images,) or (images, labels): images float32 (N, 3, S, S) in [0, 1]; `mirror` flips half of them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None = None, mirror: bool = False):
        self.images, self.mirror = images, mirror
        self.labels = None if labels is None else torch.from_numpy(np.asarray(labels))

    def __len__(self):
        return len(self.images)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, ...]:
        """A whole batch at once."""
        images = to_tensor(self.images[rows])
        if self.mirror:
            flipped = torch.rand(len(rows)) < 0.5
            images[flipped] = images[flipped].flip(-1)
        return (images,) if self.labels is None else (images, self.labels[rows])
