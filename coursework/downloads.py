"""Downloads into the data folder, whole or not at all: a file by its SHA-256, a folder that kagglehub has brought."""

import errno
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from coursework.datasets import data_dir, scratch_folder, verify
from coursework.folders import find_below, visible

WAITS = (1, 2, 4)  # seconds before each further attempt
TIMEOUT = 30  # seconds without an answer after which an attempt has failed
LIMIT = 2**26  # bytes; no file here is larger
FINAL = set(range(400, 500)) - {408, 416, 429}  # answers to which asking again changes nothing
PAGE = (b"<!doctype html", b"<html")
UNWRITABLE = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EROFS}

pooch.get_logger().setLevel("WARNING")  # it would name every address and path, in a notebook's output too


@dataclass(frozen=True)
class File:
    """A file of the data folder: its place there, the addresses that give it, and its SHA-256."""

    name: str
    below: str
    urls: tuple[str, ...]
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies, or will."""
        return data_dir() / self.below


def file_is_there(file: File) -> bool:
    """Whether the data folder holds `file`. Raises ValueError if it holds another one in its place."""
    if file.path.exists():
        verify(file.path, file.sha256, "delete it and run again")
    return file.path.exists()


def download(file: File) -> Path:
    """The path of `file`, which is downloaded if it is not there, from the first address that gives it.

    Raises: ValueError for a file that is there with another hash, FileNotFoundError with instructions if none of the
    addresses gives it, PermissionError if the data folder cannot be written.
    """
    if file_is_there(file):
        return file.path
    reasons = []
    with scratch_folder(file.path.name) as scratch:
        for url in file.urls:
            try:
                found = pooch.retrieve(url, file.sha256, file.path.name, scratch, downloader=download_in_parts)
            except (requests.RequestException, HTTPError, ValueError) as error:
                reasons.append(f"{urlsplit(url).hostname}: {reason_of(error)}")
            else:
                file.path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(found, file.path)
                return file.path
    raise FileNotFoundError(
        f"{file.name} is not in the data folder, at {file.below}, and cannot be downloaded ({'; '.join(reasons)}); go "
        f"online once, or put what is at {file.urls[0]} there yourself"
    )


def download_in_parts(url: str, output_file: str, _pooch: pooch.Pooch | None) -> None:
    """A downloader for pooch. A download that is cut off continues from there: the rest is asked for with a Range.

    Raises: requests' or urllib3's error of the last attempt, ValueError for a web page instead of a file.
    """
    with open(output_file, "w+b") as file:
        for wait in (*WAITS, None):
            try:
                download_rest(url, file)
                break
            except (requests.RequestException, HTTPError) as error:
                if wait is None or getattr(getattr(error, "response", None), "status_code", None) in FINAL:
                    raise
            time.sleep(wait)
        file.seek(0)
        if file.read(200).lstrip().lower().startswith(PAGE):
            raise ValueError("a web page instead of the file; open the address in a browser to see what it says")


def download_rest(url: str, file: BinaryIO) -> None:
    """Append to `file` what it lacks of the content of `url`; from the start, if the server cannot send a part."""
    start = file.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status, part = response.status_code, response.headers.get("Content-Range", "")
        other_part = status == 206 and not part.startswith(f"bytes {start}-")
        if start and (status in (200, 416) or other_part):
            start = file.seek(0)
            file.truncate()
        response.raise_for_status()
        if other_part:
            raise requests.ConnectionError("another part than was asked for")
        length = int(response.headers.get("Content-Length", 0))
        total = start + length if length else None
        bar = {"total": total, "initial": start, "unit": "B", "unit_scale": True, "disable": None}
        with tqdm(desc=urlsplit(url).path.rpartition("/")[2], leave=False, **bar) as progress:
            for chunk in response.raw.stream(2**14, decode_content=False):  # .gz files stay as they are
                if file.tell() > LIMIT:
                    raise ValueError(f"more than {LIMIT:,} bytes")
                progress.update(file.write(chunk))
    if total and file.tell() < total:
        raise requests.ConnectionError(f"cut off after {file.tell():,} of {total:,} bytes")


def reason_of(error: Exception) -> str:
    """What went wrong with a download, in a few words."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT} seconds"
    if isinstance(error, requests.RequestException | HTTPError):
        return text if text.startswith("cut off") else f"no connection, or one that breaks off ({kind})"
    if "does not match the known hash" in text:
        return "another file than expected: its SHA-256 differs"
    return text.partition("\n")[0] or kind


def download_from_kaggle(handle: str, below: str) -> Path:
    """The folder of a public data set of Kaggle, by kagglehub, which resumes what was cut off; no account is needed.

    `below` is where it belongs in the data folder, for the advice.
    Raises: FileNotFoundError if Kaggle does not give it, PermissionError if kagglehub's cache cannot be written.
    """
    import kagglehub

    try:
        return Path(kagglehub.dataset_download(handle))
    except Exception as error:  # kagglehub raises a dozen kinds, those of its network library among them
        if getattr(error, "errno", None) in UNWRITABLE:
            advice = "set KAGGLEHUB_CACHE to a folder of yours with enough space"
            raise PermissionError(f"cannot write {handle} to kagglehub's cache ({error.strerror}); {advice}") from None
        address = f"https://www.kaggle.com/datasets/{handle}"
        raise FileNotFoundError(
            f"Kaggle does not give {handle} ({reason_of(error)}); go online and run the same command again, or "
            f"download {address} in a browser and unpack it into {data_dir() / below}"
        ) from None


def put_in_place(folder: Path, below: str, wanted: tuple[str, ...] = ()) -> Path:
    """Make what was downloaded into `folder` the new folder `below` of the data folder, whole or not at all.

    That is the folder in it that holds all that is `wanted`; or, if one below that has the target's name, this one.
    Raises: ValueError if something is lacking, would come from outside `folder`, or is in the way.
    """
    target, source = data_dir() / below, (find_below(folder, wanted[0]) if wanted else None) or folder
    lacking = [name for name in wanted if not (source / name).exists()]
    if lacking or not visible(source):
        shown = ", ".join(path.name for path in visible(source)[:5]) or "nothing"
        raise ValueError(f"{source} holds {shown}, but no {', '.join(lacking) or 'file'}; delete it and run again")
    while (source / target.name).is_dir():
        source /= target.name
    if not source.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{source} is a link that leads out of what was downloaded; do not trust it")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{below} in the data folder is not empty and not complete; move it away and run again")
    with scratch_folder(below) as scratch:
        copy_tree(source.resolve(), scratch / "new")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            target.rmdir()
        os.replace(scratch / "new", target)
    return target


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, by hard links where the file system has them. Raises ValueError for a symbolic link in it."""
    target.mkdir()
    for path in tqdm(sorted(source.rglob("*")), desc=f"copying {source.name}", leave=False, disable=None):
        if path.is_symlink():
            raise ValueError(f"{path.relative_to(source)} of what was downloaded is a link; do not trust it")
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
            continue
        try:
            os.link(path, copy)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, copy)
