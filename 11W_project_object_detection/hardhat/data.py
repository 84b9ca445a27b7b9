"""Hard-hat pictures with boxes: PASCAL VOC annotations read and checked, split, and written as COCO's JSON.

Source of the photographs: Kaggle andrewmvd/hard-hat-detection, after J. Wang et al., "Hard hat workers dataset", 2019.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.ElementTree import parse

from coursework.datasets import data_dir, first_source
from coursework.folders import find_below, refuse_archives, visible
from coursework.images import SUFFIXES, read_each, read_rgb, turn_boxes, turn_of_labels
from coursework.standins import read_mark, refuse_stand_in
from hardhat.config import Config
from hardhat.standin import file_name, stand_in

CLASSES = ("helmet", "head")  # what is learnt; persons are labelled on some pictures only, and left out
PLURAL = {"helmet": "helmets", "head": "bare heads"}  # in sentences
KNOWN = (*CLASSES, "person")
ADVICE = "correct it, or fetch the data again"


@dataclass(frozen=True)
class Picture:
    """A picture file, its size in pixels, and its objects: boxes (n, 4) xmin ymin xmax ymax, and their names."""

    path: Path
    width: int
    height: int
    boxes: np.ndarray
    names: tuple[str, ...]

    def of(self, *wanted: str) -> "Picture":
        """Only the objects with these names."""
        keep = [place for place, name in enumerate(self.names) if name in wanted]
        return replace(self, boxes=self.boxes[keep], names=tuple(self.names[place] for place in keep))


@dataclass(frozen=True)
class Collection:
    """Pictures to train on, to validate on and to be judged on; where they are from; what was left out of them."""

    train: list[Picture]
    validation: list[Picture]
    test: list[Picture]
    name: str
    source: str
    notes: tuple[str, ...] = ()
    generator: str | None = None

    def __len__(self):
        return len(self.train) + len(self.validation) + len(self.test)


def load_sites(config: Config) -> Collection:
    """What all detectors are trained on: the first of the config's sources that is there, "folder" or "drawn".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    sites = first_source(config, config.sources, {"folder": load_folder, "drawn": load_drawn})
    if sites is None:
        raise FileNotFoundError(
            "no hardhat/images/ in the data folder; download the photographs (python -m coursework fetch 11W), or use "
            "the profile sample"
        )
    return sites if sites.validation else hold_out(sites)


def hold_out(sites: Collection, every: int = 10) -> Collection:
    """The same with every tenth of the pictures to train on kept for validation."""
    kept = [picture for place, picture in enumerate(sites.train) if place % every]
    return replace(sites, train=kept, validation=sites.train[::every])


def load_photographs(config: Config) -> Collection | None:
    """What the chosen detector is tried on in the end; None if there are no photographs.

    Where tests want no photographs, further drawn sites take their place.
    """
    return first_source(config, config.photograph_sources, {"folder": load_folder, "drawn": load_further})


def load_drawn(config: Config) -> Collection:
    """The synthetic building sites, generated on first use; the first ones of each part if the config wants a few."""
    return draw_sites(config.drawn, config.drawing_seed, "drawn", config.few)


def load_further(config: Config) -> Collection:
    """Other drawn sites."""
    learnt, judged = config.further
    return draw_sites((learnt, 0, judged), config.drawing_seed + 1, "drawn_further")


def draw_sites(
    numbers: tuple[int, int, int], seed: int, name: str, few: tuple[int, int, int] | None = None
) -> Collection:
    """So many drawn sites to train on, to validate on and to be judged on; of each part a `few` only, if given."""
    starts = np.cumsum((0, *numbers[:2]))
    parts = [range(start, start + number) for start, number in zip(starts, few or numbers, strict=True)]
    folder = stand_in(sum(numbers), numbers[2], seed, few and [place for part in parts for place in part])
    pictures, notes = read_folder(folder)
    found = {picture.path.stem: picture for picture in pictures}
    source = "synthetic building sites and workers that do not exist"
    chosen = [[found[file_name(place)] for place in part] for part in parts]
    return Collection(*chosen, name, source, notes, read_mark(folder)["generator"])


def load_folder(config: Config) -> Collection | None:
    """The photographs in `hardhat/` of the data folder, split by the seed; None if there are none.

    The numbers of the config are those of the photographs at hand; of more, the same shares are taken.
    Raises: FileNotFoundError for an archive that nobody has unpacked, or other folders.
    """
    folder = find_photographs()
    if folder is None:
        return None
    pictures, notes = read_folder(folder)
    learnt, judged = config.photographs
    order = np.random.default_rng(config.seed).permutation(len(pictures))
    number = round(len(pictures) * judged / (learnt + judged))
    test, train = (sorted(part) for part in (order[:number], order[number:]))
    if not train or not test:
        raise ValueError(f"{len(pictures)} photographs are too few to be split")
    source = f"{len(pictures)} photographs of building sites"
    return Collection([pictures[k] for k in train], [], [pictures[k] for k in test], "photographs", source, notes)


def find_photographs() -> Path | None:
    """The folder that holds `images/` and `annotations/`: `hardhat/` of the data folder, or one below it, or None."""
    folder = data_dir() / "hardhat"
    place = find_below(folder, "images")
    if place is None:
        refuse_archives("hardhat", "hard_hat_workers")
        if visible(folder):
            shown = ", ".join(path.name for path in visible(folder)[:5])
            raise FileNotFoundError(f"hardhat/ holds {shown}; expected images/ and annotations/")
        return None
    refuse_stand_in(folder)
    return place


def read_folder(folder: Path) -> tuple[list[Picture], tuple[str, ...]]:
    """Every picture of `images/` with its annotation of `annotations/`, by name; and notes on what was left out.

    Raises: ValueError that names what is wrong: no pictures, two of a name, one without an annotation or the reverse,
    what cannot be read.
    """
    images, notes = by_name(folder / "images", SUFFIXES), by_name(folder / "annotations", (".xml",))
    if not images:
        raise ValueError(f"{folder.name}/images holds no pictures ({', '.join(SUFFIXES)}); {ADVICE}")
    for some, others, lack in ((images, notes, "annotation"), (notes, images, "picture")):
        alone = sorted(set(some) - set(others))
        if alone:
            shown = ", ".join(some[name].name for name in alone[:5])
            raise ValueError(f"{len(alone)} of {len(some)} files have no {lack}: {shown}; {ADVICE}")
    names, found, dropped = sorted(images, key=natural), {}, {}

    def read(row: int) -> None:
        found[row], dropped[row] = read_picture(images[names[row]], notes[names[row]])

    faults = read_each(len(names), read, "reading", "picture")
    if faults:
        shown = "; ".join(str(error) for error in list(faults.values())[:5])
        raise ValueError(f"{len(faults)} of {len(names)} pictures cannot be used: {shown}")
    left_out = sum(dropped.values())
    lines = (f"{left_out} boxes without an area or outside their picture were left out",) if left_out else ()
    return [found[row] for row in range(len(names))], lines


def by_name(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files by their name without its ending, whatever its case. Raises ValueError for two of the same name."""
    found = {}
    for path in visible(folder):
        if path.suffix.lower() in suffixes:
            if path.stem in found:
                raise ValueError(f"{found[path.stem].name} and {path.name} have the same name; remove one")
            found[path.stem] = path
    return found


def natural(name: str) -> tuple[str, int]:
    """A key that puts picture 10 behind picture 9."""
    digits = name[len(name.rstrip("0123456789")) :]
    return name.rstrip("0123456789"), int(digits or 0)


def read_picture(image: Path, annotation: Path) -> tuple[Picture, int]:
    """One picture with its boxes, cut at its border; and how many boxes had no area or lay outside.

    Both are those of the upright picture, which `read_rgb` gives; the annotation's size says whether its boxes are.
    Raises: ValueError that names the file.
    """
    width, height, objects = read_annotation(annotation)
    try:
        turn = turn_of_labels(image, (width, height))
        size = read_rgb(image).size
    except ValueError as error:
        raise ValueError(f"{annotation.name}: {error}; {ADVICE}") from None
    boxes = turn_boxes(np.array([box for _, box in objects], float).reshape(-1, 4), turn, (width, height))
    cut = boxes.clip(0, [*size, *size])
    keep = ((cut[:, 2:] - cut[:, :2]) >= 1).all(axis=1)
    names = tuple(name for (name, _), good in zip(objects, keep, strict=True) if good)
    return Picture(image, *size, cut[keep], names), int((~keep).sum())


def read_annotation(path: Path) -> tuple[int, int, list[tuple[str, list[float]]]]:
    """Width, height and objects of a PASCAL VOC annotation. Raises ValueError that names the file and what is wrong."""
    try:
        root = parse(path).getroot()
    except (ParseError, LookupError, ValueError) as error:  # malformed; unknown encoding; entities, undecodable
        raise ValueError(f"{path.name} is no annotation ({type(error).__name__}: {error}); {ADVICE}") from None
    width, height = (number_of(root, f"size/{side}", path) for side in ("width", "height"))
    objects = []
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        if name not in KNOWN:
            raise ValueError(f"{path.name} has an object {name!r}; expected {', '.join(KNOWN)}; {ADVICE}")
        box = [number_of(item, f"bndbox/{corner}", path) for corner in ("xmin", "ymin", "xmax", "ymax")]
        if box[0] > box[2] or box[1] > box[3]:
            raise ValueError(f"{path.name} has a box upside down, {box}; {ADVICE}")
        objects.append((name, box))
    return int(width), int(height), objects


def number_of(element: Element, below: str, path: Path) -> float:
    """A finite number at a place of an annotation. Raises ValueError that names both."""
    text = element.findtext(below)
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{path.name} has {text!r} for {below}; expected a number; {ADVICE}")
    return value


def to_coco(pictures: list[Picture]) -> dict:
    """Pictures as COCO's JSON: boxes are x, y, width, height; only the objects of CLASSES."""
    images, annotations = [], []
    for number, picture in enumerate(pictures):
        images.append({"id": number, "file_name": str(picture.path), "width": picture.width, "height": picture.height})
        wanted = picture.of(*CLASSES)
        for box, name in zip(wanted.boxes.tolist(), wanted.names, strict=True):
            x, y, width, height = box[0], box[1], box[2] - box[0], box[3] - box[1]
            category = CLASSES.index(name) + 1
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": category,
                    "bbox": [x, y, width, height], "area": width * height, "iscrowd": 0,
                }
            )  # fmt: skip
    categories = [{"id": place, "name": name} for place, name in enumerate(CLASSES, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def from_coco(content: dict) -> list[Picture]:
    """The reverse of `to_coco`."""
    names = {category["id"]: category["name"] for category in content["categories"]}
    pictures = []
    for image in content["images"]:
        own = [row for row in content["annotations"] if row["image_id"] == image["id"]]
        boxes = np.array([row["bbox"] for row in own], float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        kinds = tuple(names[row["category_id"]] for row in own)
        pictures.append(Picture(Path(image["file_name"]), image["width"], image["height"], boxes, kinds))
    return pictures


def write_coco(pictures: list[Picture], path: Path) -> Path:
    """Write `to_coco` to a file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_coco(pictures)), encoding="utf-8")
    return path
