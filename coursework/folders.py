"""Finding a data set in the data folder however it was unpacked there, and naming an archive that was not."""

import zipfile
from pathlib import Path

from coursework.datasets import data_dir

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


def visible(folder: Path) -> list[Path]:
    """The entries of a folder, sorted, without hidden files, `__MACOSX` and `__pycache__`; empty if it is missing."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in paths if not path.name.startswith(".") and path.name not in ("__MACOSX", "__pycache__")]


def find_below(folder: Path, name: str, depth: int = 3) -> Path | None:
    """The folder that contains a folder called `name`: `folder` itself, or one up to `depth` levels below; else None.

    Archives and unpacking tools often add or remove one level of folders.
    Raises: ValueError if several folders on the same level contain it.
    """
    places = [folder]
    for _ in range(depth + 1):
        found = [place for place in places if (place / name).is_dir()]
        if len(found) > 1:
            shown = ", ".join(f"{place.relative_to(folder).as_posix()}/{name}" for place in found)
            raise ValueError(f"{folder.name}/ holds several folders {name}: {shown}; keep one of them")
        if found:
            return found[0]
        places = [path for place in places for path in visible(place) if path.is_dir()]
    return None


def refuse_archives(name: str, member: str | None = None) -> None:
    """Raise FileNotFoundError if a data set lies in the data folder as an archive that nobody has unpacked.

    It looks for any archive in the folder `name`, and for archives beside it with this name or with `member` inside.
    """
    beside = [path for path in visible(data_dir()) if path.name.partition(".")[0] == name or holds(path, member)]
    found = [path for path in (*visible(data_dir() / name), *beside) if path.name.lower().endswith(ARCHIVES)]
    if found:
        archive = found[0].relative_to(data_dir()).as_posix()
        raise FileNotFoundError(
            f"{archive} in the data folder is not unpacked; unpack it into {name}/ there, or remove it"
        )


def holds(archive: Path, member: str | None) -> bool:
    """Whether a zip has `member` in the path of a file; other archives are known by their own name only."""
    if member is None:
        return False
    if archive.suffix.lower() != ".zip":
        return archive.name.startswith(member.rstrip("/"))
    try:
        with zipfile.ZipFile(archive) as members:
            return any(member in name for name in members.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
