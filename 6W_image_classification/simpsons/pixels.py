"""Ten real characters, 28 pixels small.

Source: Simpsons-MNIST, https://github.com/alvarobartt/simpsons-mnist, its pictures in colour.
"""

from coursework.datasets import data_dir, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.standins import refuse_stand_in
from simpsons.config import Config
from simpsons.data import Gallery, read_classes, shrink


def load_small(config: Config, cast: Gallery) -> Gallery:
    """Ten real characters at 28 pixels, from `simpsons_28px/` of the data folder; else the drawn cast, shrunk.

    Raises: FileNotFoundError if neither is there, ValueError for an unknown source or bad data.
    """
    loaders = {
        "folder": load_small_folder,
        "drawn": lambda config: shrink(cast, config.small_side) if cast.generator else None,
    }
    gallery = first_source(config, config.small_sources, loaders)
    if gallery is None:
        raise FileNotFoundError(
            "no simpsons_28px/ in the data folder, which the section on 28-pixel images needs; put train/ and test/ of "
            "Simpsons-MNIST in colour (github.com/alvarobartt/simpsons-mnist, dataset/rgb) there"
        )
    return gallery


def load_small_folder(config: Config) -> Gallery | None:
    """Simpsons-MNIST as published, `simpsons_28px/{train,test}/<character>/*.jpg`; None if it is not there.

    Raises: FileNotFoundError for an archive that nobody has unpacked.
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
        strange = ", ".join(sorted(set(test_classes) ^ set(classes)))
        raise ValueError(f"{strange}: in one of simpsons_28px/train and test only; fetch the data set again")
    source = "Simpsons-MNIST: ten real characters, 28 pixels"
    return Gallery(classes, train, test, sizes, "simpsons_28px", source, [*notes, *test_notes])
