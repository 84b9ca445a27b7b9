"""LFW in the data folder: where its people lie, and their images (weeks 8 and 10).

Source: G. B. Huang et al., "Learning to align from scratch", 2012 (deep-funneled).
"""

from pathlib import Path

from coursework.datasets import data_dir
from coursework.folders import find_below, refuse_archives, visible
from coursework.images import list_images
from coursework.standins import refuse_stand_in

BELOW = "lfw-deepfunneled"  # the folder of the people, in LFW and in its stand-in


def find_lfw() -> Path | None:
    """LFW's folder, `lfw/` of the data folder; None if its people are not there.

    Raises: ValueError for a drawn one; FileNotFoundError for an archive that nobody has unpacked, or other folders.
    """
    folder = data_dir() / "lfw"
    place = find_below(folder, BELOW)
    if place and visible(place / BELOW):
        refuse_stand_in(folder)
        return folder
    refuse_archives("lfw", f"{BELOW}/")
    others = [path.name for path in visible(folder) if path.is_dir() and path.name != BELOW]
    if others:
        shown = ", ".join(others[:5])
        raise FileNotFoundError(f"lfw/ holds the folders {shown}; expected {BELOW}/<Person>/<Person>_0001.jpg")
    return None


def list_pictures(folder: Path) -> list[Path]:
    """All images <Person>/<Person>_0001.jpg of LFW or its stand-in, by person and number.

    The people lie in `folder`/lfw-deepfunneled/, or a level or two deeper: Kaggle's archive has that folder twice.
    Raises: ValueError for none, or for two of the same name.
    """
    people = (find_below(folder, BELOW) or folder) / BELOW
    while (people / BELOW).is_dir():
        people /= BELOW
    paths = [path for person in visible(people) for path in list_images(person)]
    if not paths:
        raise ValueError(f"{folder.name}/{BELOW}/ holds no <Person>/<Person>_0001.jpg; unpack LFW again")
    seen = {}
    for path in paths:
        if path.name in seen:
            raise ValueError(f"{path.name} is in two folders, {seen[path.name].parent} and {path.parent}; remove one")
        seen[path.name] = path
    return paths
