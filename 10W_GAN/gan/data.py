"""Faces: LFW, FFHQ or the drawn stand-in, cropped by one rule, decoded once to a memory-mapped array.

Sources of the pictures: G. B. Huang et al., "Learning to align from scratch", 2012 (LFW deep-funneled); T. Karras,
S. Laine, T. Aila, "A style-based generator architecture for generative adversarial networks", 2019 (FFHQ).
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from coursework.datasets import data_dir, first_source
from coursework.folders import refuse_archives
from coursework.images import decode_once, list_images_below, read_middle
from coursework.lfw import find_lfw, list_pictures
from coursework.people import stand_in
from coursework.provenance import Fingerprint, fingerprint
from coursework.standins import read_mark, refuse_stand_in
from gan.config import Config

# Of the side. From the hairline to below the chin; and as LFW's pictures have 250 pixels, nothing is resampled at 128,
# and at 256 every pixel becomes four.
CROP = 128 / 250
DRAWN_SIDE = 500  # pixels of a drawn picture, so that the crop has 256


@dataclass(frozen=True, eq=False)
class Faces:
    """Images to learn from, and of people kept aside, bytes (n, S, S, 3), with whose they are, (n,).

    And, if they are drawn, the true attributes of those to learn from.
    """

    train: np.ndarray
    held: np.ndarray
    train_people: np.ndarray
    held_people: np.ndarray
    name: str
    source: str
    attributes: pd.DataFrame | None = None
    generator: str | None = None

    def __len__(self):
        return len(self.train) + len(self.held)


def load_faces(config: Config, side: int) -> Faces:
    """The first of the config's sources that is there, "lfw", "ffhq" or "drawn", at `side` pixels.

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    loaders = {"lfw": load_lfw, "ffhq": load_ffhq, "drawn": load_drawn}
    faces = first_source(config, config.sources, {name: partial(load, side=side) for name, load in loaders.items()})
    if faces is None:
        raise FileNotFoundError(
            f"none of {', '.join(config.sources)} is in the data folder; download them (python -m coursework fetch "
            "10W), or use the profile sample"
        )
    return faces


def load_lfw(config: Config, side: int) -> Faces | None:
    """LFW, in `lfw/` of the data folder; None if it is not there."""
    folder = find_lfw()
    if folder is None:
        return None
    paths = list_pictures(folder)
    return build_faces(paths, config, side, CROP, "lfw", "LFW deep-funneled, photographs of faces")


def load_ffhq(config: Config, side: int) -> Faces | None:
    """FFHQ, any pictures below `ffhq/` of the data folder; None if there are none.

    Raises: FileNotFoundError for an archive that nobody has unpacked.
    """
    folder = data_dir() / "ffhq"
    paths = list_images_below(folder)
    if not paths:
        refuse_archives("ffhq")
        return None
    refuse_stand_in(folder)
    return build_faces(paths, config, side, 1.0, "ffhq", "FFHQ, photographs of faces")


def load_drawn(config: Config, side: int) -> Faces:
    """The stand-in, drawn on first use, with its true attributes."""
    size = round(side / CROP) if side < 128 else DRAWN_SIDE
    folder = stand_in(config.people, config.pictures, size, config.drawing_seed)
    truth = read_truth(folder / "lfw_attributes.txt")
    source = "drawn stand-in: cartoon faces of people who do not exist"
    paths = list_pictures(folder)
    return build_faces(paths, config, side, CROP, "drawn_faces", source, truth, read_mark(folder)["generator"])


def build_faces(
    paths: list[Path], config: Config, side: int, crop: float, name: str, source: str, truth=None, generator=None
) -> Faces:
    """Pictures chosen, decoded and parted by person. Raises ValueError if nothing is left for one of the parts."""
    one_each = name == "ffhq"  # nobody is there twice
    people = np.array([path.name if one_each else path.parent.name for path in paths])
    chosen = first_of_each(people, config.per_person)[: config.limit]
    aside = held_people(people[chosen], config.held, config.seed)
    chosen, number = np.concatenate([chosen[~aside], chosen[aside]]), int((~aside).sum())
    paths, people = [paths[row] for row in chosen], people[chosen]
    images = decode_once("10W", paths, partial(read_middle, side=side, share=crop), side)
    attributes = None if truth is None else truth.loc[[path.name for path in paths[:number]]]
    parts = images[:number], images[number:], people[:number], people[number:]
    return Faces(*parts, name, source, attributes, generator)


@cache  # gigabytes are read for it
def fingerprint_of(faces: Faces) -> Fingerprint:
    """The fingerprint of the images to learn from."""
    return fingerprint(faces.name, faces.train_people, faces.train)


def choose(images: np.ndarray, people: np.ndarray, number: int, seed: int) -> np.ndarray:
    """So many images (or all there are) in random order, one of each person: bytes (number, S, S, 3)."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    _, first = np.unique(people[order], return_index=True)
    rows = rng.permutation(order[first])[:number]
    return np.asarray(images[np.sort(rows)])[rng.permutation(len(rows))]


def first_of_each(people: np.ndarray, number: int) -> np.ndarray:
    """Rows of the first pictures of everybody, `number` at most; people (n,) in order."""
    place = pd.Series(people).groupby(people).cumcount().to_numpy()
    return np.flatnonzero(place < number)


def held_people(people: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which pictures are of people that are kept aside, (n,) of bool. Raises ValueError if nobody is on either side."""
    names = np.random.default_rng(seed).permutation(np.unique(people))
    number = round(share * len(names))
    if not 0 < number < len(names):
        raise ValueError(f"{len(names)} people are too few to keep a share of {share:g} aside")
    return np.isin(people, names[:number])


def read_truth(path: Path) -> pd.DataFrame:
    """The attributes of drawn faces, a row a file name, True or False."""
    columns = path.read_text(encoding="utf-8").splitlines()[1].lstrip("#\t").split("\t")
    table = pd.read_csv(path, sep="\t", skiprows=2, names=columns)
    names = table.pop("person").str.replace(" ", "_"), table.pop("imagenum")
    files = [f"{person}_{number:04d}.jpg" for person, number in zip(*names, strict=True)]
    return (table.set_axis(files, axis=0) > 0).astype(bool)
