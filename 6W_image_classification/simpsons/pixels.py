"""Real images of ten characters at 28 pixels, and the search for near duplicates of training images.

Source: Simpsons-MNIST, https://github.com/alvarobartt/simpsons-mnist, its colour images.
"""

from dataclasses import replace

import numpy as np

from coursework.datasets import data_dir, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.standins import refuse_stand_in
from simpsons.config import Config
from simpsons.data import CharacterData, read_classes, resize


def load_small(config: Config, cast: CharacterData) -> CharacterData:
    """Real images of ten characters, from `simpsons_28px/` of the data folder; else the synthetic cast, at 28 pixels.

    Raises: FileNotFoundError if neither is there, ValueError for an unknown source or bad data.
    """
    loaders = {
        "folder": load_small_folder,
        "synthetic": lambda config: shrink(cast, config.small_side) if cast.generator else None,
    }
    small = first_source(config, config.small_sources, loaders)
    if small is None:
        raise FileNotFoundError(
            "no simpsons_28px/ in the data folder, which the section on 28-pixel images needs; put train/ and test/ of "
            "Simpsons-MNIST in colour (github.com/alvarobartt/simpsons-mnist, dataset/rgb) there"
        )
    return small


def shrink(characters: CharacterData, side: int) -> CharacterData:
    """The data set with smaller images, under another name."""
    name, source = f"{characters.name}_{side}px", f"{characters.source}, {side} pixels"
    return replace(resize(characters, side), name=name, source=source)


def load_small_folder(config: Config) -> CharacterData | None:
    """Simpsons-MNIST as published, `simpsons_28px/{train,test}/<character>/*.jpg`; None if it is not there.

    Raises: FileNotFoundError for an archive that is not unpacked.
    """
    folder = data_dir() / "simpsons_28px"
    place = find_below(folder, "train")
    if place is None:
        refuse_archives("simpsons_28px", "simpsons-mnist")
    if not visible(folder):
        return None
    refuse_stand_in(folder)
    folder = place or folder
    classes, train, sizes, notes = read_classes(folder / "train", config.small_side)
    test_classes, test, _, test_notes = read_classes(folder / "test", config.small_side)
    if test_classes != classes:
        different = ", ".join(sorted(set(test_classes) ^ set(classes)))
        raise ValueError(f"{different}: in one of simpsons_28px/train and test only; fetch the data set again")
    source = "Simpsons-MNIST: ten real characters, 28 pixels"
    return CharacterData(classes, train, test, sizes, "simpsons_28px", source, [*notes, *test_notes])


def nearest_training_image(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each test image, the training image with the highest correlation of pixel values, and this correlation.

    Shapes: images (n, S, S, 3), uint8; the results (number of test images,), row numbers and correlations from -1 to 1.
    """
    first, second = standardise(train), standardise(test)
    correlations = second @ first.T  # (test, train)
    return correlations.argmax(axis=1), correlations.max(axis=1)


def standardise(images: np.ndarray) -> np.ndarray:
    """Each image as a vector of mean 0 and length 1, (n, S · S · 3), float32; an image of one colour becomes zeros."""
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
