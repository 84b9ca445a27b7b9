"""The data folder: where it is, and how archives get into it safely.

`COURSEWORK_DATA` (default: `data/` at the repository's root) holds one folder a data set, in its publisher's layout.
Loaders and stand-ins live in the weeks; `python -m coursework unpack FOLDER` puts archives from FOLDER in place, and
`python -m coursework fetch` what publishers give out (`fetching`).
"""

import gzip
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from coursework.records import write_bytes
from coursework.weeks import ROOT

ASSETS = Path(__file__).resolve().parent / "assets"  # what more than one week reads


def data_dir() -> Path:
    """The data folder; it need not exist yet."""
    return Path(os.environ.get("COURSEWORK_DATA") or ROOT / "data").resolve()


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file at `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str, advice: str = "fetch it again") -> None:
    """Raise FileNotFoundError if `path` is missing, ValueError if its SHA-256 is not `expected`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent}; put it there")
    found = sha256(path)
    if found != expected:
        raise ValueError(f"{path.name} has SHA-256 {found[:12]}…, expected {expected[:12]}…; {advice}")


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """An empty folder in the data folder, where `name` is prepared; it is removed in the end.

    Raises: PermissionError that says how to use another data folder, if this one cannot be written or is full.
    """
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir(), prefix=".part-") as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno is None:  # not of the system: an error with a text of ours, or one of the network
            raise
        advice = "set COURSEWORK_DATA to a folder of yours with enough space"
        raise PermissionError(f"cannot write {name} to {data_dir()} ({error.strerror}); {advice}") from None


def extract_zip(archive: Path, target: Path, finish: Callable[[Path], None] | None = None) -> None:
    """Unpack `archive` as the new folder `target`, whole or not at all.

    A top folder of the archive that has the target's name becomes the target. `finish` is called on the unpacked
    folder before it gets its final name.
    Raises: ValueError for a file that is no zip, a damaged one, or a member that would land outside `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            with zipfile.ZipFile(archive) as members:
                refuse_escapes(members.namelist(), archive.name)
                members.extractall(unpacked)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # the last if it is encrypted
            start = archive.read_bytes()[:15]
            raise ValueError(f"{archive.name} is no intact zip (it starts with {start!r}); fetch it again") from None
        if (unpacked / target.name).is_dir():
            unpacked = unpacked / target.name
        if finish:
            finish(unpacked)
        os.replace(unpacked, target)


def refuse_escapes(names: list[str], archive: str) -> None:
    """Raise ValueError if a member name is absolute or climbs out with '..'."""
    for name in names:
        if name.startswith(("/", "\\")) or ".." in Path(name).parts or ":" in name:
            raise ValueError(f"{archive} has a member {name!r} outside its folder; do not trust it")


def photographs_as_bmp(folder: Path) -> None:
    """PH2's photographs travel as JPEG; its layout and its loaders expect BMP."""
    from PIL import Image

    for path in sorted(folder.rglob("*_Dermoscopic_Image/*.jpg")):
        with Image.open(path) as image:
            image.convert("RGB").save(path.with_suffix(".bmp"))
        path.unlink()


# archive or file: (SHA-256, place below the data folder)
KNOWN = {
    "ph2.zip": ("acd6299f5fafd6515c87f17ba79e6d3d36231995f82b9d45b2db69cb27ac4d7d", "ph2/PH2Dataset"),
    "lfw-deepfunneled.zip": (
        "94897a3f9add949037d610afaa11db9c7465ea3047637323bdd9e80b40dc0441",
        "lfw/lfw-deepfunneled",
    ),
    "lfw_expressions.csv": (
        "a03cbf602357e903dfad9020113a0234c3a90d001f049fbdf6e27435f02803e2",
        "lfw/lfw_expressions.csv",
    ),
    "hardhat_181.zip": ("b869ac377caa7ee1e4c8f1cc4a4d271891da21b0d1a17722e0cc1f2119e0b08c", "hardhat"),
    "simpsons_28px.zip": ("3b90f6c4af51ae327f769f6f62e9cae81475e9ecd84aa8f64e77de66c87b2cef", "simpsons_28px"),
    "mobilenet_v2_imagenet.npz": (
        "403c4e4c46edf1f226db8b9f6353a59051cca9189a0669794144b741d5498393",
        "mobilenet_v2_imagenet.npz",
    ),
}
# MNIST's four files travel compressed; torchvision reads them plain.
KNOWN |= {
    f"mnist/{name}.gz": (digest, f"MNIST/raw/{name}")
    for name, digest in {
        "train-images-idx3-ubyte": "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
        "train-labels-idx1-ubyte": "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e",
        "t10k-images-idx3-ubyte": "5634745efa576a17e7d4cf5cd9d09123c75e6538e5114267c2d156edaf519341",
        "t10k-labels-idx1-ubyte": "ae18e77e031ccde52407f794d123116439864147d33ac992975f85dd4dc42af6",
    }.items()
}
FINISH = {"ph2.zip": photographs_as_bmp}


def first_source(config, sources: Iterable[str], loaders: dict[str, Callable]):
    """What the first of `sources` gives that gives anything; None if none does. A loader takes `config`.

    Raises: ValueError for a source that has no loader.
    """
    unknown = [source for source in sources if source not in loaders]
    if unknown:
        raise ValueError(f"unknown source {unknown[0]!r}; there are: {', '.join(loaders)}")
    return next((found for source in sources if (found := loaders[source](config)) is not None), None)


def download_competition(name: str) -> Path | None:
    """The files of a Kaggle competition by kagglehub, which finds the token by itself; None if it gets no access."""
    import kagglehub

    try:
        return Path(kagglehub.competition_download(name))
    except Exception as error:  # kagglehub raises a dozen kinds, those of its network library among them
        print(f"Kaggle: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}")
        return None


def unpack_mnist() -> Path:
    """Unpack the committed MNIST into `MNIST/raw/` of the data folder, on first use; returns the data folder.

    That is the root that torchvision.datasets.MNIST asks for; it reads these files, though not our archives.
    Raises: PermissionError if the data folder cannot be written, FileNotFoundError or ValueError if a committed file
    is missing or damaged.
    """
    for name, (digest, below) in KNOWN.items():
        if name.startswith("mnist/"):
            if not (data_dir() / below).is_file():
                verify(ASSETS / name, digest)
            try:
                place(ASSETS / name, digest, below)
            except OSError as error:
                advice = "set COURSEWORK_DATA to a folder of yours with 55 MB free"
                raise PermissionError(f"cannot write {below} to {data_dir()} ({error.strerror}); {advice}") from None
    return data_dir()


def unpack_all(folder: Path) -> list[str]:
    """Put every known archive and file of `folder` into the data folder; what is there already stays.

    Returns one line a data set. A bad one does not keep the others from being unpacked.
    Raises: FileNotFoundError if `folder` holds none of them, ValueError that names all bad ones at the end.
    """
    found = [name for name in KNOWN if (folder / name).is_file()]
    if not found:
        raise FileNotFoundError(f"{folder} holds none of {', '.join(KNOWN)}; name the folder that does")
    lines, faults = [], []
    for name in found:
        try:
            lines.append(place(folder / name, *KNOWN[name]))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join([*faults, *lines]))
    return lines


def place(source: Path, expected: str, below: str) -> str:
    """Put one archive or file with SHA-256 `expected` at `below` in the data folder, and say so in a line."""
    target = data_dir() / below
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        return f"{below}: already there"
    verify(source, expected)
    if target.is_dir():
        target.rmdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".zip":
        extract_zip(source, target, FINISH.get(source.name))
    else:
        content = source.read_bytes()
        write_bytes(target, gzip.decompress(content) if source.suffix == ".gz" else content)
    return f"{below}: unpacked from {source.name}"
