"""The pictures: the competition's archive or the drawn cast, read by the same loader; checked, decoded once, split.

Source of the real archive: Kaggle competition "journey-springfield".
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
from simpsons.standin import stand_in

COMPETITION = "journey-springfield"


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures, uint8 (n, side, side, 3); labels (n,), numbers into the classes, or None; file names."""

    images: np.ndarray
    labels: np.ndarray | None
    files: list[str]

    def __len__(self):
        return len(self.files)

    def take(self, rows: np.ndarray) -> "Pictures":
        """These rows only."""
        labels = None if self.labels is None else self.labels[rows]
        return Pictures(self.images[rows], labels, [self.files[row] for row in rows])

    def draw(self, number: int, seed: int) -> "Pictures":
        """So many at random; all if there are no more."""
        return self.take(np.sort(np.random.default_rng(seed).permutation(len(self))[:number]))


@dataclass(frozen=True)
class Gallery:
    """A data set: names of the classes, pictures to learn from, pictures to be judged on, and what was found."""

    classes: list[str]
    train: Pictures
    test: Pictures
    sizes: np.ndarray  # (n, 2) width and height of the training files
    name: str
    source: str
    notes: list[str]
    generator: str | None = None  # the hash of what drew a stand-in


def load_characters(config: Config) -> Gallery:
    """The first of the config's sources that is there: "folder", "download" or "drawn".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    loaders = {"folder": load_folder, "download": load_download, "drawn": load_drawn}
    gallery = first_source(config, config.sources, loaders)
    if gallery is None:
        raise FileNotFoundError(
            "no pictures in simpsons/ of the data folder, and Kaggle gave no access; join the competition "
            f"{COMPETITION} (python -m coursework fetch 6W prints the steps), or use the profile sample"
        )
    return gallery


def load_folder(config: Config) -> Gallery | None:
    """The competition's archive, unpacked into `simpsons/` of the data folder; None if it is not there.

    Raises: FileNotFoundError for an archive that nobody has unpacked.
    """
    folder = data_dir() / "simpsons"
    place = find_below(folder, "train")
    if place is None:
        refuse_archives("simpsons", "simpsons_dataset/")
    if not visible(folder):
        return None
    refuse_stand_in(folder)
    return read_archive(place or folder, config.side, "simpsons", f"Kaggle {COMPETITION}")


def load_download(config: Config) -> Gallery | None:
    """The archive by kagglehub, which finds the token by itself; None if it gets no access."""
    folder = download_competition(COMPETITION)
    return None if folder is None else read_archive(folder, config.side, "simpsons", f"Kaggle {COMPETITION}")


def load_drawn(config: Config) -> Gallery:
    """The drawn cast, drawn on first use; its test part comes with the answers."""
    name = "simpsons" if config.per_class is None else f"simpsons-{config.characters}x{config.per_class}"
    folder = stand_in(name, config.characters, config.per_class, config.seed, config.few)
    source = f"a synthetic cast of {config.characters} characters in place of the Simpsons"
    gallery = read_archive(folder, config.side, "drawn_cast", source)
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    check_answers(gallery.classes, gallery.test.files, answers)
    labels = np.array([gallery.classes.index(answers[file]) for file in gallery.test.files])
    return replace(gallery, test=replace(gallery.test, labels=labels), generator=read_mark(folder)["generator"])


def check_answers(classes: list[str], files: list[str], answers: dict[str, str]) -> None:
    """Raise ValueError for test pictures without an answer, and for classes that training never saw."""
    missing = [file for file in files if file not in answers]
    if missing:
        raise ValueError(f"no answer for {len(missing)} test pictures, {missing[0]} among them; draw the cast again")
    strange = sorted(set(answers.values()) - set(classes))
    if strange:
        raise ValueError(f"the test part shows {', '.join(strange)}, of whom the training part has no picture")


def read_archive(folder: Path, side: int, name: str, source: str) -> Gallery:
    """The competition's layout: `train/simpsons_dataset/<character>/*.jpg`, `testset/testset/*.jpg`."""
    classes, train, sizes, notes = read_classes(folder / "train", side)
    paths = list_images(descend(folder / "testset", list_images))
    images, _, faults = read_pictures(paths, side, "reading the test part")
    if faults:  # a submission needs an answer for every file, so that dropping is no way out
        raise ValueError(f"{len(faults)} test pictures cannot be read: {'; '.join(faults.values())}; fetch them again")
    test = Pictures(images, None, [path.name for path in paths])
    return Gallery(classes, train, test, sizes, name, source, notes)


def descend(folder: Path, arrived: Callable[[Path], object]) -> Path:
    """Archives nest a folder in a folder: go down until `arrived`, as long as there is one way only.

    Raises: FileNotFoundError if `folder` is not there.
    """
    if not folder.is_dir():
        found = [path.name for path in visible(folder.parent)[:5]]
        raise FileNotFoundError(
            f"{folder.parent.name}/ holds {', '.join(found) or 'nothing'}, but no {folder.name}/; unpack it all"
        )
    while not arrived(folder) and len(subfolders(folder)) == 1:
        (folder,) = subfolders(folder)
    return folder


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones do not count, nor what Macs leave in archives."""
    return [path for path in visible(folder) if path.is_dir()]


def read_classes(folder: Path, side: int) -> tuple[list[str], Pictures, np.ndarray, list[str]]:
    """A folder of folders, one a class: class names, pictures, sizes (n, 2) of the files, and a line a repair.

    Pictures that cannot be read are dropped and counted.
    Raises: ValueError for fewer than two classes, or a class without a single good picture.
    """
    folder = descend(folder, lambda place: any(map(list_images, subfolders(place))))
    paths = {place.name: list_images(place) for place in subfolders(folder)}
    classes = list(paths)
    check_classes(folder, paths)
    owners = np.concatenate([np.full(len(files), number) for number, files in enumerate(paths.values())])
    files = [path for group in paths.values() for path in group]
    images, sizes, faults = read_pictures(files, side, "reading pictures")
    good = np.setdiff1d(np.arange(len(files)), list(faults))
    pictures = Pictures(images, owners, [path.name for path in files])
    if faults:
        pictures = pictures.take(good)
    check_classes(folder, {name: pictures.labels[pictures.labels == k] for k, name in enumerate(classes)})
    notes = [f"{len(faults)} pictures cannot be read and are left out: {'; '.join(faults.values())}"] if faults else []
    return classes, pictures, sizes[good], notes


def check_classes(folder: Path, members: dict[str, Sized]) -> None:
    """Raise ValueError for fewer than two classes, or for classes without a picture."""
    if len(members) < 2:
        raise ValueError(
            f"{folder.name}/ holds {len(members)} class folders ({', '.join(members)}); expected two or more"
        )
    empty = [name for name, files in members.items() if not len(files)]
    if empty:
        raise ValueError(
            f"no readable picture of {', '.join(empty)} in {folder.name}/; fetch them, or remove the folder"
        )


def read_pictures(paths: list[Path], side: int, title: str) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Decode files into (n, side, side, 3), uint8, once and for all; sizes (n, 2); {row: reason} of those that fail."""
    images = np.zeros((len(paths), side, side, 3), np.uint8)
    sizes = np.zeros((len(paths), 2), int)

    def read(row: int) -> None:
        images[row], sizes[row] = read_picture(paths[row], side)

    faults = read_each(len(paths), read, title, "picture")
    return images, sizes, {row: str(error) for row, error in faults.items()}


def read_picture(path: Path, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """One file as (side, side, 3), uint8, squeezed into a square; and the width and height of its upright image.

    Raises: ValueError that names the file if it is empty, cut off, or no picture.
    """
    image = read_rgb(path)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)), image.size


def split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows to train on, rows to validate on, and the classes that could not be on both sides.

    Every class gives `share` of its pictures to validation, at least one and never its last; a class with one
    picture keeps it for training.
    """
    rng, train, validation, one_sided = np.random.default_rng(seed), [], [], []
    for number in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == number))
        kept = min(max(1, round(share * len(rows))), len(rows) - 1)
        validation.append(rows[:kept])
        train.append(rows[kept:])
        if kept == 0:
            one_sided.append(int(number))
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation)), one_sided


def hold_out(pictures: Pictures, share: float, seed: int) -> tuple[Pictures, Pictures, list[int]]:
    """`split`, with the pictures themselves."""
    train, validation, one_sided = split(pictures.labels, share, seed)
    return pictures.take(train), pictures.take(validation), one_sided


def set_aside(gallery: Gallery, share: float, seed: int) -> tuple[Gallery, Pictures]:
    """The gallery, and the labelled pictures on which everything is judged: its test part, if that has labels.

    If not, as in the competition's archive, that `share` of the training part, which the gallery then lacks.
    """
    if gallery.test.labels is not None:
        return gallery, gallery.test
    train, judged, _ = hold_out(gallery.train, share, seed + 1)  # not the seed of the validation part
    return replace(gallery, train=train), judged


def shrink(gallery: Gallery, side: int) -> Gallery:
    """The same pictures, `side` pixels wide."""

    def smaller(pictures: Pictures) -> Pictures:
        images = [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX)) for image in pictures.images
        ]
        return replace(pictures, images=np.stack(images))

    train, test = smaller(gallery.train), smaller(gallery.test)
    return replace(
        gallery, train=train, test=test, name=f"{gallery.name}_{side}px", source=f"{gallery.source}, {side} pixels"
    )
