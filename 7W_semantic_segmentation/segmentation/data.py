"""The skin lesions: the PH2 database or synthetic images in its layout; checked, decoded once, split.

Source: T. Mendonça et al., "PH2, a dermoscopic image database for research and benchmarking", EMBC 2013.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from coursework.datasets import data_dir, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.images import list_images, open_image, read_each, read_rgb, turn_of, turn_of_labels
from coursework.standins import read_mark, refuse_stand_in
from segmentation.config import Config
from segmentation.synthetic import BELOW, case_name, generate_lesions

DIAGNOSES = ("common naevus", "atypical naevus", "melanoma")  # 0, 1 and 2 in the publisher's table
UNKNOWN = -1  # the diagnosis of synthetic images, and of images that the table does not list
TABLE = "PH2_dataset.txt"
# Lesions that are in the database twice: found by matching SIFT features inside the masks. For the second pair the
# match is probable, for the others certain.
PHOTOGRAPHED_TWICE = (("IMD199", "IMD200"), ("IMD041", "IMD042"), ("IMD408", "IMD409"), ("IMD043", "IMD256"))


@dataclass(frozen=True)
class LesionData:
    """Images, uint8 (n, S, S, 3); masks, uint8 (n, S, S) of 0 and 1; names; diagnoses (n,), see DIAGNOSES."""

    images: np.ndarray
    masks: np.ndarray
    names: list[str]
    diagnoses: np.ndarray

    def __len__(self):
        return len(self.names)

    def subset(self, rows: np.ndarray) -> "LesionData":
        """These rows only."""
        return LesionData(self.images[rows], self.masks[rows], [self.names[row] for row in rows], self.diagnoses[rows])

    def first(self, number: int) -> "LesionData":
        """The first `number` images."""
        return self.subset(np.arange(min(number, len(self))))

    def select(self, names: list[str]) -> "LesionData":
        """The images with these names, in their order."""
        return self.subset(np.array([self.names.index(name) for name in names], dtype=int))


@dataclass(frozen=True)
class LesionSplit:
    """Images for training, validation and testing; the data set's name and source; `generator` of synthetic images."""

    train: LesionData
    validation: LesionData
    test: LesionData
    name: str
    source: str
    generator: str | None = None  # the hash of the code that generated them

    def __len__(self):
        return len(self.train) + len(self.validation) + len(self.test)

    def first(self, train: int, validation: int, test: int) -> "LesionSplit":
        """The first images of each part."""
        sizes = {"train": train, "validation": validation, "test": test}
        return replace(self, **{name: getattr(self, name).first(size) for name, size in sizes.items()})

    def all_images(self) -> LesionData:
        """The images of all parts, sorted by name."""
        parts = (self.train, self.validation, self.test)
        arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "masks", "diagnoses")]
        names = [name for part in parts for name in part.names]
        joined = LesionData(arrays[0], arrays[1], names, arrays[2])
        return joined.subset(np.argsort(names))


def load_lesions(config: Config) -> LesionSplit:
    """The first of the config's sources that is there: "folder" or "synthetic".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data or an unknown source.
    """
    lesions = first_source(config, config.sources, {"folder": load_folder, "synthetic": load_synthetic})
    if lesions is None:
        raise FileNotFoundError(
            f"no ph2/{'/'.join(BELOW)}/ in the data folder; ask the ADDI project for the PH2 database and unpack it "
            "there (python -m coursework fetch 7W prints the steps), or use the profile sample"
        )
    return lesions


def load_folder(config: Config) -> LesionSplit | None:
    """PH2, unpacked into `ph2/` of the data folder; None if it is not there.

    Raises: FileNotFoundError for an archive that is not unpacked.
    """
    folder = data_dir() / "ph2"
    if not any(path.is_dir() for path in visible(folder)):
        refuse_archives("ph2", f"{BELOW[-1]}/")
    if not visible(folder):
        return None
    refuse_stand_in(folder)
    lesions = read_lesions(folder, config.image_size)
    parts = split(lesions, config.parts, config.seed, PHOTOGRAPHED_TWICE)
    return keep_few(LesionSplit(*parts, "ph2", "PH2, 200 dermoscopic images"), config)


def load_synthetic(config: Config) -> LesionSplit:
    """The synthetic images, generated on first use; with `config.few`, only those that are used."""
    names = [case_name(number) for number in range(sum(config.parts))]
    blank = np.zeros((len(names), 0), np.uint8)
    parts = split(LesionData(blank, blank, names, np.full(len(names), UNKNOWN)), config.parts, config.seed)
    source = "synthetic dermoscopic images in the layout of PH2"
    planned = keep_few(LesionSplit(*parts, "synthetic_lesions", source), config)
    used = set(planned.all_images().names)
    numbers = [number for number, name in enumerate(names) if name in used]
    folder = generate_lesions(len(names), config.synthetic_seed, None if len(numbers) == len(names) else numbers)
    lesions = read_lesions(folder, config.image_size, used)
    parts = [lesions.select(part.names) for part in (planned.train, planned.validation, planned.test)]
    return LesionSplit(*parts, planned.name, source, read_mark(folder)["generator"])


def keep_few(lesions: LesionSplit, config: Config) -> LesionSplit:
    """The first images of each part if the config wants only a few."""
    return lesions if config.few is None else lesions.first(*config.few)


def split(
    lesions: LesionData, sizes: tuple[int, int, int], seed: int, pairs: tuple[tuple[str, str], ...] = ()
) -> list[LesionData]:
    """Random images for training, validation and testing, stratified by diagnosis if all diagnoses are known.

    Both images of each of the `pairs`, which show the same lesion, are used for training, and for nothing else.
    Raises: ValueError if there are fewer images than `sizes` require.
    """
    if sum(sizes) > len(lesions):
        raise ValueError(f"{len(lesions)} images, but {sizes} require {sum(sizes)}; use smaller parts")
    rows, held_out = np.arange(len(lesions)), []
    free = np.array([row for row in rows if not any(lesions.names[row] in pair for pair in pairs)])
    for size in sizes[:0:-1]:  # test, then validation
        known = (lesions.diagnoses[free] != UNKNOWN).all()
        free, part = train_test_split(
            free, test_size=size, stratify=lesions.diagnoses[free] if known else None, random_state=seed
        )
        held_out.append(np.sort(part))
    train = np.setdiff1d(rows, np.concatenate(held_out))
    if len(train) > sizes[0]:
        train = np.sort(np.random.default_rng(seed).permutation(train)[: sizes[0]])
    return [lesions.subset(part) for part in (train, *held_out[::-1])]


def cross_validation_folds(lesions: LesionData, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows for training and testing in each fold, stratified by diagnosis; images of the same lesion stay together."""
    groups = np.arange(len(lesions))
    for pair in PHOTOGRAPHED_TWICE:
        rows = [lesions.names.index(name) for name in pair if name in lesions.names]
        groups[rows] = min(rows, default=0)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(groups, lesions.diagnoses, groups))


def read_lesions(folder: Path, size: int, wanted: Container[str] | None = None) -> LesionData:
    """Every case below `folder`/PH2Dataset/PH2 Dataset images/, decoded once, as squares of `size` pixels.

    With `wanted`, only the cases with these names.
    Raises: ValueError that names each case that cannot be used; none is left out silently.
    """
    place = find_cases(folder)
    cases = [case for case in list_cases(place) if wanted is None or case.name in wanted]
    images, masks = np.zeros((len(cases), size, size, 3), np.uint8), np.zeros((len(cases), size, size), np.uint8)

    def read(row: int) -> None:
        images[row], masks[row] = read_case(cases[row], size)

    faults = [f"{cases[row].name}: {error}" for row, error in read_each(len(cases), read, "reading", "case").items()]
    if faults:
        raise ValueError(f"{len(faults)} of {len(cases)} cases cannot be used: {'; '.join(faults)}")
    names, table = [case.name for case in cases], read_diagnoses(place.parent / TABLE)
    return LesionData(images, masks, names, np.array([table.get(name, UNKNOWN) for name in names], dtype=int))


def read_diagnoses(path: Path) -> dict[str, int]:
    """The diagnosis of each case, by name, from the publisher's table; empty if there is no table.

    Columns are separated by tabs or by "||". Raises: ValueError that names the file if it has no such column.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [[value.strip() for value in re.split(r"\t|\|\|", line)] for line in lines]
    header = next((row for row in rows if "Clinical Diagnosis" in row), None)
    if header is None:
        raise ValueError(f"{path.name} has no column Clinical Diagnosis; fetch the database again, or remove the file")
    name, diagnosis = header.index("Name"), header.index("Clinical Diagnosis")
    return {
        row[name]: int(row[diagnosis])
        for row in rows
        if len(row) > diagnosis and re.fullmatch(r"IMD\d+", row[name]) and row[diagnosis] in ("0", "1", "2")
    }


def find_cases(folder: Path) -> Path:
    """The folder of the cases, at any level below `folder`. Raises: FileNotFoundError that says what is there."""
    place = find_below(folder, BELOW[-1])
    if place:
        return place / BELOW[-1]
    expected = f"expected {folder.name}/{'/'.join(BELOW)}/IMD…/"
    if any(folder.glob("IMD*")):
        raise FileNotFoundError(f"{folder.name}/ holds the cases themselves; {expected}")
    found = ", ".join(path.name for path in visible(folder)[:5]) or "nothing"
    raise FileNotFoundError(f"{folder.name}/ holds {found}; {expected}")


def list_cases(place: Path) -> list[Path]:
    """The folders of the cases, sorted. Raises: ValueError for none, or for names that differ only in case."""
    cases = [path for path in visible(place) if path.is_dir()]
    if not cases:
        raise ValueError(f"{place.name}/ holds no case; unpack the database again")
    seen = {}
    for case in cases:
        if case.name.casefold() in seen:
            raise ValueError(f"{case.name} is there twice, also as {seen[case.name.casefold()]}; remove one")
        seen[case.name.casefold()] = case.name
    return cases


def read_case(case: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (S, S, 3) and mask (S, S), uint8, of one case. Raises: ValueError that says what is wrong."""
    image_file = only_image(case / f"{case.name}_Dermoscopic_Image", "image")
    mask_file = only_image(case / f"{case.name}_lesion", "mask")
    image, mask = read_rgb(image_file), read_mask(mask_file, image_file)
    if image.size != mask.size:
        sizes = ["{} × {}".format(*opened.size) for opened in (image, mask)]
        raise ValueError(f"{image_file.name} is {sizes[0]}, {mask_file.name} {sizes[1]}; they must agree")
    small = image.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small), np.asarray(mask.resize((size, size), Image.Resampling.NEAREST))


def read_mask(path: Path, image: Path) -> Image.Image:
    """A mask of 0 and 1 for the upright image of `read_rgb`, also if it was made for the pixels as they are stored."""
    with open_image(path) as stored:
        stored.load()
        turn = turn_of(stored)
    mask = Image.fromarray(as_mask(stored))
    if turn is None:  # a mask with an orientation of its own is meant upright
        turn = turn_of_labels(image, mask.size)
    return mask if turn is None else mask.transpose(turn)


def only_image(folder: Path, what: str) -> Path:
    """The only image file in a folder. Raises: ValueError for none, or for several."""
    paths = list_images(folder)
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths) or "none"
        raise ValueError(f"expected one {what} in {folder.name}/, found {names}")
    if paths[0].stat().st_size == 0:
        raise ValueError(f"{paths[0].name} is empty")
    return paths[0]


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
