"""The images: the competition's archive, a folder of the reader's own, or the synthetic cast; checked, decoded, split.

Source of the archive: Kaggle competition "journey-springfield".
"""

import json
from collections.abc import Callable, Sized
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.datasets import data_dir, download_competition, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.images import list_images, read_each, read_rgb
from coursework.standins import read_mark, refuse_stand_in
from simpsons.config import Config
from simpsons.synthetic import generate_cast

COMPETITION = "journey-springfield"


@dataclass(frozen=True)
class ImageData:
    """Decoded images, uint8 (n, side, side, 3); labels (n,), class numbers, or None; file names."""

    images: np.ndarray
    labels: np.ndarray | None
    files: list[str]

    def __len__(self):
        return len(self.files)

    def subset(self, rows: np.ndarray) -> "ImageData":
        """These rows only."""
        labels = None if self.labels is None else self.labels[rows]
        return ImageData(self.images[rows], labels, [self.files[row] for row in rows])

    def sample(self, number: int, seed: int) -> "ImageData":
        """A random subset of `number` images; all if there are no more."""
        return self.subset(np.sort(np.random.default_rng(seed).permutation(len(self))[:number]))


@dataclass(frozen=True)
class CharacterData:
    """A data set: class names, training and test images, and warnings of the loader."""

    classes: list[str]
    train: ImageData
    test: ImageData
    sizes: np.ndarray  # (n, 2) width and height of the training files
    name: str
    source: str
    notes: list[str]
    generator: str | None = None  # the hash of the code that generated synthetic images


def load_characters(config: Config) -> CharacterData:
    """The first of the config's sources that is there: "folder", "download" or "synthetic".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    loaders = {"folder": load_folder, "download": load_download, "synthetic": load_synthetic}
    characters = first_source(config, config.sources, loaders)
    if characters is None:
        raise FileNotFoundError(
            "no images in simpsons/ of the data folder, and access to Kaggle was denied; join the competition "
            f"{COMPETITION} (python -m coursework fetch 6W prints the steps), or use the profile sample"
        )
    return characters


def load_folder(config: Config) -> CharacterData | None:
    """The competition's archive, unpacked into `simpsons/` of the data folder; None if it is not there.

    Raises: FileNotFoundError for an archive that is not unpacked.
    """
    folder = data_dir() / "simpsons"
    place = find_below(folder, "train")
    if place is None:
        refuse_archives("simpsons", "simpsons_dataset/")
    if not visible(folder):
        return None
    refuse_stand_in(folder)
    return read_archive(place or folder, config.side, "simpsons", f"Kaggle {COMPETITION}")


def load_download(config: Config) -> CharacterData | None:
    """The archive by kagglehub, which finds the token by itself; None if it gets no access."""
    folder = download_competition(COMPETITION)
    return None if folder is None else read_archive(folder, config.side, "simpsons", f"Kaggle {COMPETITION}")


def load_synthetic(config: Config) -> CharacterData:
    """The synthetic cast, generated on first use; its test images have labels."""
    name = "simpsons" if config.per_class is None else f"simpsons-{config.characters}x{config.per_class}"
    folder = generate_cast(name, config.characters, config.per_class, config.seed, config.few)
    source = f"a synthetic cast of {config.characters} characters in place of the Simpsons"
    characters = read_archive(folder, config.side, "synthetic_cast", source)
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    check_answers(characters.classes, characters.test.files, answers)
    labels = np.array([characters.classes.index(answers[file]) for file in characters.test.files])
    return replace(characters, test=replace(characters.test, labels=labels), generator=read_mark(folder)["generator"])


def check_answers(classes: list[str], files: list[str], answers: dict[str, str]) -> None:
    """Raise ValueError for test images without a label, and for classes without training images."""
    missing = [file for file in files if file not in answers]
    if missing:
        raise ValueError(f"no label for {len(missing)} test images, {missing[0]} among them; generate the cast again")
    unknown = sorted(set(answers.values()) - set(classes))
    if unknown:
        raise ValueError(f"the test set shows {', '.join(unknown)}, but no training image does")


def load_own(folder: Path, config: Config) -> CharacterData:
    """Any tree `folder/<class>/*.jpg`; a stratified fifth of it becomes the test set.

    Raises: FileNotFoundError if there is no such folder, ValueError for fewer than two classes or unreadable classes.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder.name}/; give a folder that holds one folder of images per class")
    classes, images, sizes, notes = read_classes(folder, config.side)
    train, test, _ = hold_out(images, config.validation, config.seed + 1)  # not the seed of the validation set
    return CharacterData(classes, train, test, sizes, f"own_{folder.name}", f"images in {folder.name}/", notes)


def read_archive(folder: Path, side: int, name: str, source: str) -> CharacterData:
    """The competition's layout: `train/simpsons_dataset/<character>/*.jpg`, `testset/testset/*.jpg`."""
    classes, train, sizes, notes = read_classes(folder / "train", side)
    paths = list_images(descend(folder / "testset", list_images))
    images, _, faults = read_images(paths, side, "reading the test set")
    if faults:  # a submission needs a row for every file, so none may be dropped
        raise ValueError(f"{len(faults)} test images cannot be read: {'; '.join(faults.values())}; fetch them again")
    test = ImageData(images, None, [path.name for path in paths])
    return CharacterData(classes, train, test, sizes, name, source, notes)


def descend(folder: Path, arrived: Callable[[Path], object]) -> Path:
    """Archives nest a folder in a folder: go down until `arrived`, while it holds a single subfolder.

    Raises: FileNotFoundError if `folder` is not there.
    """
    if not folder.is_dir():
        found = [path.name for path in visible(folder.parent)[:5]]
        raise FileNotFoundError(
            f"{folder.parent.name}/ holds {', '.join(found) or 'nothing'}, but no {folder.name}/; "
            "unpack the whole archive"
        )
    while not arrived(folder) and len(subfolders(folder)) == 1:
        (folder,) = subfolders(folder)
    return folder


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones do not count, nor macOS metadata in archives."""
    return [path for path in visible(folder) if path.is_dir()]


def read_classes(folder: Path, side: int) -> tuple[list[str], ImageData, np.ndarray, list[str]]:
    """A folder with one folder per class: class names, images, sizes (n, 2) of the files, and notes.

    Images that cannot be read are dropped and counted in the notes.
    Raises: ValueError for fewer than two classes, or a class without a readable image.
    """
    folder = descend(folder, lambda place: any(map(list_images, subfolders(place))))
    paths = {place.name: list_images(place) for place in subfolders(folder)}
    classes = list(paths)
    check_classes(folder, paths)
    labels = np.concatenate([np.full(len(files), number) for number, files in enumerate(paths.values())])
    files = [path for group in paths.values() for path in group]
    images, sizes, faults = read_images(files, side, "reading images")
    good = np.setdiff1d(np.arange(len(files)), list(faults))
    data = ImageData(images, labels, [path.name for path in files])
    if faults:
        data = data.subset(good)
    check_classes(folder, {name: data.labels[data.labels == k] for k, name in enumerate(classes)})
    notes = [f"{len(faults)} images cannot be read and are left out: {'; '.join(faults.values())}"] if faults else []
    return classes, data, sizes[good], notes


def check_classes(folder: Path, members: dict[str, Sized]) -> None:
    """Raise ValueError for fewer than two classes, or for classes without an image."""
    if len(members) < 2:
        raise ValueError(
            f"{folder.name}/ holds {len(members)} class folders ({', '.join(members)}); expected two or more"
        )
    empty = [name for name, files in members.items() if not len(files)]
    if empty:
        raise ValueError(f"no readable image of {', '.join(empty)} in {folder.name}/; fetch them, or remove the folder")


def read_images(paths: list[Path], side: int, title: str) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Decode files into (n, side, side, 3), uint8; sizes (n, 2); {row: reason} of those that fail."""
    images = np.zeros((len(paths), side, side, 3), np.uint8)
    sizes = np.zeros((len(paths), 2), int)

    def read(row: int) -> None:
        images[row], sizes[row] = read_image(paths[row], side)

    faults = read_each(len(paths), read, title, "image")
    return images, sizes, {row: str(error) for row, error in faults.items()}


def read_image(path: Path, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """One file as (side, side, 3), uint8, resized to a square; and the width and height of its upright image.

    Raises: ValueError that names the file if it is empty, cut off, or no image.
    """
    image = read_rgb(path)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)), image.size


def split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows for training, rows held out, and the classes that have none held out.

    From each class, `fraction` of the images is held out: at least one, but never all; the only image of a class is
    used for training.
    """
    rng, train, held_out, one_sided = np.random.default_rng(seed), [], [], []
    for number in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == number))
        kept = min(max(1, round(fraction * len(rows))), len(rows) - 1)
        held_out.append(rows[:kept])
        train.append(rows[kept:])
        if kept == 0:
            one_sided.append(int(number))
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(held_out)), one_sided


def hold_out(data: ImageData, fraction: float, seed: int) -> tuple[ImageData, ImageData, list[int]]:
    """`split`, with the images themselves."""
    train, held_out, one_sided = split(data.labels, fraction, seed)
    return data.subset(train), data.subset(held_out), one_sided


def hold_out_test(characters: CharacterData, fraction: float, seed: int) -> tuple[CharacterData, ImageData]:
    """The data set and its labelled test images: its own test set, if that has labels.

    If not, as in the competition's archive, that `fraction` of the training images, which the data set then lacks.
    """
    if characters.test.labels is not None:
        return characters, characters.test
    train, test, _ = hold_out(characters.train, fraction, seed + 1)  # not the seed of the validation set
    return replace(characters, train=train), test


def resize(characters: CharacterData, side: int) -> CharacterData:
    """The same data set with images of `side` × `side` pixels."""

    def resized(data: ImageData) -> ImageData:
        smaller = side < data.images.shape[1]
        method = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        images = [np.asarray(Image.fromarray(image).resize((side, side), method)) for image in data.images]
        return replace(data, images=np.stack(images))

    return replace(characters, train=resized(characters.train), test=resized(characters.test))
