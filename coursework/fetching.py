"""Which data sets each week uses, and how they get into the data folder: `python -m coursework fetch`.

What is given out without an account is downloaded. For the rest, numbered steps say what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from coursework.datasets import KNOWN, data_dir, download_competition, scratch_folder, unpack_mnist
from coursework.downloads import File, download, download_from_kaggle, file_is_there, put_in_place
from coursework.folders import find_below, visible
from coursework.images import list_images_below
from coursework.lfw import BELOW
from coursework.standins import refuse_stand_in
from coursework.weeks import Week

BY_HAND = "left to you, see the steps above"


@dataclass(frozen=True)
class DataSet:
    """A data set: whether it is there, what brings it, and the steps for a person to take.

    `bring` is None, or returns None, where only a person can get the data set. In `steps`, {data} is the data folder
    and {week} one of the weeks that use it.
    """

    name: str
    is_there: Callable[[], bool]
    bring: Callable[[], Path | None] | None = None
    steps: tuple[str, ...] = ()


def folder_is_there(below: str, *wanted: str) -> bool:
    """Whether a folder of the data folder holds all that is `wanted`, or any images, on the level where loaders look.

    Raises: ValueError for a synthetic data set in its place.
    """
    folder = data_dir() / below
    place = (find_below(folder, wanted[0]) if wanted else None) or folder
    if wanted:
        found = all((place / name).is_file() or visible(place / name) for name in wanted)
    else:
        found = bool(list_images_below(folder))
    if found:
        refuse_stand_in(folder)
    return found


def mnist_is_there() -> bool:
    """Whether all files of MNIST are unpacked."""
    return all((data_dir() / below).is_file() for name, (_, below) in KNOWN.items() if name.startswith("mnist/"))


def from_kaggle(name: str, handle: str, below: str, *wanted: str, target: str = "") -> DataSet:
    """A public data set of Kaggle; `target` is the folder that it becomes, `below` or one in it."""

    def bring() -> Path:
        return put_in_place(download_from_kaggle(handle, below), target or below, wanted)

    return DataSet(name, partial(folder_is_there, below, *wanted), bring)


def from_competition(name: str, handle: str, below: str, *wanted: str) -> DataSet:
    """A competition of Kaggle, whose files are for those who have accepted its rules."""

    def bring() -> Path | None:
        folder = download_competition(handle)
        return folder and put_in_place(folder, below, wanted)

    address = f"https://www.kaggle.com/competitions/{handle}"
    steps = (
        "Sign in at https://www.kaggle.com; an account is free.",
        f"Accept the competition's rules: {address}/rules",
        "Create a token at https://www.kaggle.com/settings (section API) and put kaggle.json into ~/.kaggle/.",
        "Run again: python -m coursework fetch {week}",
        f"Or, without a token: download all files at {address}/data and unpack them, so that "
        f"{' and '.join(f'{{data}}/{below}/{member}' for member in wanted)} exist.",
        "If the competition accepts nobody any more, use the profile sample, which needs no download.",
    )
    return DataSet(name, partial(folder_is_there, below, *wanted), bring, steps)


# UCI's file and its copy for scikit-learn, whose fetch_covtype checks the same hash; but that keeps what it has read as
# a pickle, which nobody checks when it is loaded again.
COVERTYPE = File(
    "Covertype",
    "covertype/covtype.data.gz",
    (
        "https://archive.ics.uci.edu/ml/machine-learning-databases/covtype/covtype.data.gz",
        "https://ndownloader.figshare.com/files/5976039",
    ),
    "614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771",
)
MNIST = DataSet("MNIST", mnist_is_there, unpack_mnist)  # comes with this repository; torchvision reads what it unpacks
LFW = from_kaggle("LFW", "jessicali9530/lfw-dataset", "lfw", BELOW, target=f"lfw/{BELOW}")
LFW_LABELS = DataSet(
    "labels of LFW",
    lambda: any((data_dir() / "lfw" / name).is_file() for name in ("lfw_attributes.txt", "lfw_expressions.csv")),
    steps=(
        "Download the attributes of N. Kumar et al. with a browser: "
        "http://www.cs.columbia.edu/CAVE/databases/pubfig/download/lfw_attributes.txt",
        "Save them as {data}/lfw/lfw_attributes.txt",
        "Or take the labels by people from https://github.com/muxspace/facial_expressions (data/legend.csv): save the "
        "columns image and emotion, each photograph of LFW once, as {data}/lfw/lfw_expressions.csv",
    ),
)
PH2 = DataSet(
    "PH2",
    partial(folder_is_there, "ph2", "PH2 Dataset images"),
    steps=(
        "Open the page of the ADDI project and ask for the database with its form: "
        "https://www.fc.up.pt/addi/ph2%20database.html",
        "Unpack the archive that you get into {data}/ph2/",
        "The folder {data}/ph2/PH2Dataset/PH2 Dataset images/ then holds IMD002/, IMD003/ and so on.",
    ),
)
SIMPSONS_MNIST = DataSet(
    "Simpsons-MNIST",
    partial(folder_is_there, "simpsons_28px", "train", "test"),
    steps=(
        "Read the terms at https://github.com/alvarobartt/simpsons-mnist",
        "Download it there (Code, Download ZIP) and unpack it.",
        "Move its folders dataset/rgb/train/ and dataset/rgb/test/ to {data}/simpsons_28px/train/ and "
        "{data}/simpsons_28px/test/",
    ),
)
HARD_HATS = from_kaggle("hard hats", "andrewmvd/hard-hat-detection", "hardhat", "images", "annotations")
DATA_SETS = {
    "1W": (DataSet("Covertype", partial(file_is_there, COVERTYPE), partial(download, COVERTYPE)),),
    "2W": (MNIST,),
    "3W": (from_competition("churn", "advanced-dls-spring-2021", "churn", "train.csv", "test.csv", "submission.csv"),),
    "6W": (from_competition("Simpsons", "journey-springfield", "simpsons", "train", "testset"), SIMPSONS_MNIST),
    "7W": (PH2,),
    "8W": (LFW, LFW_LABELS, MNIST),
    "10W": (LFW, from_kaggle("FFHQ", "xhlulu/flickrfaceshq-dataset-nvidia-resized-256px", "ffhq")),
    "11W": (HARD_HATS,),
}
# What a recorded run needs, by week and source; the data sets of all others come with this repository.
NEEDED = {
    ("6W", "simpsons_28px"): (SIMPSONS_MNIST,),
    ("7W", "ph2"): (PH2,),
    ("8W", "lfw"): (LFW, LFW_LABELS),
    ("10W", "lfw"): (LFW,),
    ("11W", "photographs"): (HARD_HATS,),
}


def needed(week: str, source: str) -> tuple[DataSet, ...]:
    """The data sets that a recorded run on this source needs, besides those that come with this repository."""
    return NEEDED.get((week, source), ())


def fetch(weeks: list[Week]) -> int:
    """Fetch the data sets of `weeks` and print a line for each at the end; 1 if steps are left for a person.

    A data set that fails does not keep the others out.
    Raises: ValueError that names all that failed, PermissionError at once if the data folder cannot be written.
    """
    users: dict[DataSet, list[str]] = {}
    for week in weeks:
        for data_set in DATA_SETS.get(week.name, ()):
            users.setdefault(data_set, []).append(week.name)
    lines, faults, waiting = [], [], False
    try:
        for data_set, names in users.items():
            try:
                outcome = fetch_one(data_set, names[0])
            except (ValueError, FileNotFoundError) as error:
                faults.append(f"{data_set.name}: {error}")
                outcome = "failed"
            waiting |= outcome == BY_HAND
            lines.append(f"{data_set.name} ({', '.join(names)}): {outcome}")
    finally:
        print("\n".join(lines))
    if faults:
        raise ValueError("; ".join(faults))
    return int(waiting)


def fetch_one(data_set: DataSet, week: str) -> str:
    """Bring one data set, or print the steps to it; returns what came of it, in a few words."""
    if data_set.is_there():
        return "already there"
    if data_set.bring:
        with scratch_folder(data_set.name):
            pass  # a data folder that cannot be written is named before gigabytes are downloaded
        print(f"fetching {data_set.name} …", flush=True)
        if data_set.bring():
            return "fetched"
    print(f"{data_set.name} can only be fetched by hand:")
    for number, step in enumerate(data_set.steps, 1):
        print(f"  {number}. {step.format(data=data_dir(), week=week)}")
    return BY_HAND
