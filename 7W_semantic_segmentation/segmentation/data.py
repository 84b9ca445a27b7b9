"""The skin lesions: PH2's own layout or the drawn stand-in, read by the same loader; checked, decoded once, split.

Source: T. Mendonça et al., "PH2, a dermoscopic image database for research and benchmarking", EMBC 2013.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.datasets import data_dir, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.images import list_images, open_image, read_each, read_rgb, turn_of, turn_of_labels
from coursework.standins import read_mark, refuse_stand_in
from segmentation.config import Config
from segmentation.standin import BELOW, case_name, stand_in


@dataclass(frozen=True)
class Lesions:
    """Images, uint8 (n, S, S, 3); masks, uint8 (n, S, S) of 0 and 1; the names of the cases."""

    images: np.ndarray
    masks: np.ndarray
    names: list[str]

    def __len__(self):
        return len(self.names)

    def take(self, rows: np.ndarray) -> "Lesions":
        """These cases only."""
        return Lesions(self.images[rows], self.masks[rows], [self.names[row] for row in rows])

    def first(self, number: int) -> "Lesions":
        """So many cases, the first ones."""
        return self.take(np.arange(min(number, len(self))))

    def named(self, names: list[str]) -> "Lesions":
        """The cases of these names, in their order."""
        return self.take(np.array([self.names.index(name) for name in names]))


@dataclass(frozen=True)
class Collection:
    """A data set in three parts, its name, where it comes from, and, for a stand-in, the hash of what drew it."""

    train: Lesions
    validation: Lesions
    test: Lesions
    name: str
    source: str
    generator: str | None = None

    def __len__(self):
        return len(self.train) + len(self.validation) + len(self.test)

    def first(self, train: int, validation: int, test: int) -> "Collection":
        """The same with so many cases of each part, the first ones."""
        parts = {"train": train, "validation": validation, "test": test}
        return replace(self, **{name: getattr(self, name).first(number) for name, number in parts.items()})


def load_lesions(config: Config) -> Collection:
    """The first of the config's sources that is there: "folder" or "drawn".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data or an unknown source.
    """
    loaders = {"folder": load_folder, "drawn": load_drawn}
    found = first_source(config, config.sources, loaders)
    if found is None:
        raise FileNotFoundError(
            f"no ph2/{'/'.join(BELOW)}/ in the data folder; ask the ADDI project for the PH2 database and unpack it "
            "there (python -m coursework fetch 7W prints the steps), or use the profile sample"
        )
    return found


def load_folder(config: Config) -> Collection | None:
    """PH2, unpacked into `ph2/` of the data folder; None if it is not there.

    Raises: FileNotFoundError for an archive that nobody has unpacked.
    """
    folder = data_dir() / "ph2"
    if not any(path.is_dir() for path in visible(folder)):
        refuse_archives("ph2", f"{BELOW[-1]}/")
    if not visible(folder):
        return None
    refuse_stand_in(folder)
    lesions = read_lesions(folder, config.side)
    return Collection(*some_of(lesions, config), "ph2", "PH2, dermoscopy of 200 lesions")


def load_drawn(config: Config) -> Collection:
    """The synthetic images, generated on first use: of the cases that the parts are drawn from, those that are used."""
    names = [case_name(number) for number in range(sum(config.parts))]
    blank = np.zeros((len(names), 0), np.uint8)
    wanted = {name for part in some_of(Lesions(blank, blank, names), config) for name in part.names}
    numbers = [number for number, name in enumerate(names) if name in wanted]
    folder = stand_in(len(names), config.drawing_seed, None if len(numbers) == len(names) else numbers)
    lesions = read_lesions(folder, config.side, wanted)
    parts = [lesions.named(part.names) for part in some_of(Lesions(blank, blank, names), config)]
    source = "synthetic dermoscopy in the layout of PH2, no patient"
    return Collection(*parts, "drawn_lesions", source, read_mark(folder)["generator"])


def some_of(lesions: Lesions, config: Config) -> list[Lesions]:
    """The parts of `split`, of each the first cases if the config wants a few only."""
    parts = split(lesions, config.parts, config.seed)
    if config.few is None:
        return parts
    return [part.first(number) for part, number in zip(parts, config.few, strict=True)]


def from_drawings(config: Config, lesions: Collection) -> Collection:
    """Drawings to learn from, `lesions` to be judged on; these themselves if they are drawn."""
    if lesions.generator:
        return lesions
    drawn = load_drawn(config)
    return replace(drawn, test=lesions.test, name=f"drawings_for_{lesions.name}")


def split(lesions: Lesions, parts: tuple[int, int, int], seed: int) -> list[Lesions]:
    """So many cases at random to train on, to validate on and to be judged on.

    Raises: ValueError if there are fewer cases.
    """
    if sum(parts) > len(lesions):
        raise ValueError(f"{len(lesions)} cases, but the parts {parts} want {sum(parts)}; make the parts smaller")
    order = np.random.default_rng(seed).permutation(len(lesions))
    ends = np.cumsum((0, *parts))
    return [lesions.take(np.sort(order[start:end])) for start, end in pairwise(ends)]


def read_lesions(folder: Path, side: int, wanted: Container[str] | None = None) -> Lesions:
    """Every case below `folder`/PH2Dataset/PH2 Dataset images/, decoded once, as squares of `side` pixels.

    Only the `wanted` ones, if any are named.
    Raises: ValueError that names each case that cannot be used; nothing is left out in silence.
    """
    cases = [case for case in list_cases(find_cases(folder)) if wanted is None or case.name in wanted]
    images, masks = np.zeros((len(cases), side, side, 3), np.uint8), np.zeros((len(cases), side, side), np.uint8)

    def read(row: int) -> None:
        images[row], masks[row] = read_case(cases[row], side)

    faults = [f"{cases[row].name}: {error}" for row, error in read_each(len(cases), read, "reading", "case").items()]
    if faults:
        raise ValueError(f"{len(faults)} of {len(cases)} cases cannot be used: {'; '.join(faults)}")
    return Lesions(images, masks, [case.name for case in cases])


def find_cases(folder: Path) -> Path:
    """The folder of the cases, on whichever level it was unpacked. Raises FileNotFoundError that says what is there."""
    place = find_below(folder, BELOW[-1])
    if place:
        return place / BELOW[-1]
    expected = f"expected {folder.name}/{'/'.join(BELOW)}/IMD…/"
    if any(folder.glob("IMD*")):
        raise FileNotFoundError(f"{folder.name}/ holds the cases at once; {expected}")
    found = ", ".join(path.name for path in visible(folder)[:5]) or "nothing"
    raise FileNotFoundError(f"{folder.name}/ holds {found}; {expected}")


def list_cases(place: Path) -> list[Path]:
    """The folders of the cases, sorted. Raises ValueError for none, or for two that mean the same."""
    cases = [path for path in visible(place) if path.is_dir()]
    if not cases:
        raise ValueError(f"{place.name}/ holds no case; unpack the database again")
    seen = {}
    for case in cases:
        if case.name.casefold() in seen:
            raise ValueError(f"{case.name} is there twice, also as {seen[case.name.casefold()]}; remove one")
        seen[case.name.casefold()] = case.name
    return cases


def read_case(case: Path, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (S, S, 3) and mask (S, S), uint8, of one case. Raises ValueError that says what is wrong."""
    image_file = only_picture(case / f"{case.name}_Dermoscopic_Image", "image")
    mask_file = only_picture(case / f"{case.name}_lesion", "mask")
    image, mask = read_rgb(image_file), read_mask(mask_file, image_file)
    if image.size != mask.size:
        sizes = ["{} × {}".format(*picture.size) for picture in (image, mask)]
        raise ValueError(f"{image_file.name} is {sizes[0]}, {mask_file.name} {sizes[1]}; they must agree")
    small = image.resize((side, side), Image.Resampling.BOX)
    return np.asarray(small), np.asarray(mask.resize((side, side), Image.Resampling.NEAREST))


def read_mask(path: Path, image: Path) -> Image.Image:
    """A mask of 0 and 1, for the upright image of `read_rgb`, whichever pixels of the image file it was made for."""
    with open_image(path) as stored:
        stored.load()
        turn = turn_of(stored)
    mask = Image.fromarray(as_mask(stored))
    if turn is None:  # a mask with an orientation of its own is meant upright
        turn = turn_of_labels(image, mask.size)
    return mask if turn is None else mask.transpose(turn)


def only_picture(folder: Path, what: str) -> Path:
    """The one picture in a folder. Raises ValueError for none, or more than one."""
    found = list_images(folder)
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ValueError(f"expected one {what} in {folder.name}/, found {names}")
    if found[0].stat().st_size == 0:
        raise ValueError(f"{found[0].name} is empty")
    return found[0]


def as_mask(mask: Image.Image) -> np.ndarray:
    """A mask of black and white, in one channel or three, as (H, W) of 0 and 1.

    Raises: ValueError for channels that differ, values in between, no lesion at all, or nothing but lesion.
    """
    values = np.asarray(mask.convert("RGB") if mask.mode in ("P", "PA", "LA", "RGBA", "CMYK") else mask)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            raise ValueError("the mask is in colour; expected black and white")
        values = values[..., 0]
    levels = np.unique(values)
    if not any(set(levels.tolist()) <= {0, white} for white in (1, 255, 65535)):
        raise ValueError(f"the mask has {len(levels)} grey values, expected black and white; threshold it")
    if len(levels) < 2:
        raise ValueError(f"the mask is all {'white' if levels[0] else 'black'}; expected a lesion and skin around it")
    return (values > 0).astype(np.uint8)
