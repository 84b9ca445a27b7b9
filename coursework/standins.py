"""Drawn stand-ins: where they lie, what they were drawn by, and how they are told from the real thing.

A stand-in lies in `stand-in/<name>/` of the data folder, in the layout of the data set that it stands in for, with a
STAND-IN.json that says what drew it. A loader of real data refuses a folder that holds such a file.
"""

import ast
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from coursework.datasets import data_dir
from coursework.source_code import plain_code

MARK = "STAND-IN.json"


def source_hash(paths: Iterable[Path]) -> str:
    """SHA-256 over the code of source files, in this order; docstrings, comments and annotations do not change it."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(plain_code(ast.parse(path.read_text(encoding="utf-8"))).encode("utf-8") + b"\0")
    return digest.hexdigest()


def stand_in_dir(name: str) -> Path:
    """Where the stand-in called `name` lies, or will."""
    return data_dir() / "stand-in" / name


def read_mark(folder: Path) -> dict | None:
    """What a folder's STAND-IN.json says; None if there is none, or it cannot be read."""
    try:
        return json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def refuse_stand_in(folder: Path) -> None:
    """Raise ValueError if `folder`, which should hold a real data set, holds a drawn one."""
    if (folder / MARK).exists():
        raise ValueError(f"{folder.name}/ holds {MARK}, so it is a drawn stand-in, not the real data set; remove it")


def write_stand_in(name: str, facts: dict, files: Iterable[tuple[str, bytes]]) -> Path:
    """The folder of the stand-in that `facts` describe: as it is, or written anew, whole or not at all.

    `files` yields (path below the folder, content) and is asked only if there is something to write.
    Raises: PermissionError that says how to use another data folder.
    """
    folder = stand_in_dir(name)
    if read_mark(folder) == facts:
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{name}.lock"):  # a process that comes second finds what the first has written
            if read_mark(folder) != facts:
                write_folder(folder, facts, files)
    except OSError as error:
        advice = "set COURSEWORK_DATA to a folder of yours"
        raise PermissionError(f"cannot write stand-in/{name} to {data_dir()} ({error.strerror}); {advice}") from None
    return folder


def write_folder(folder: Path, facts: dict, files: Iterable[tuple[str, bytes]]) -> None:
    """Write a stand-in whole or not at all, in place of an older one."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as scratch:
        unfinished = Path(scratch) / "unfinished"
        for below, content in files:
            path = unfinished / below
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (unfinished / MARK).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            os.replace(folder, Path(scratch) / "old")
        os.replace(unfinished, folder)
