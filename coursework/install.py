"""Set up the virtual environment: python -m coursework.install [WEEK…]. Needs only the standard library.

With weeks, what these need and the commands behind `make run`; without, everything: all weeks, JupyterLab and the
tests. uv, installed into the environment first, does the work. What is there already, and up to date, takes no time.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
DONE = ENVIRONMENT / "coursework.json"  # what is installed, and from which files
SOURCES = ("pyproject.toml", "requirements.txt", "constraints.txt", "requirements.lock")
VERSIONS = (3, 11), (3, 13)
ALL = "all"


def main(weeks: list[str]) -> int:
    """Bring the environment up to date; returns the exit status."""
    if not VERSIONS[0] <= sys.version_info[:2] <= VERSIONS[1]:
        print("Python 3.11 to 3.13 is needed; name one: make PYTHON=…", file=sys.stderr)
        return 2
    try:
        wanted = extras_of(weeks) or [ALL]
        done = read_done()
        if done.get("sources") != sources_hash():
            set_up(sorted({*wanted, *done.get("parts", [])}), anew=not done)
        elif ALL not in done["parts"] and not set(wanted) <= set(done["parts"]):
            set_up(sorted({*wanted, *done["parts"]}), anew=False)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"error: the set-up failed: {' '.join(error.cmd[1:4])} … ended with {error.returncode}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped by Ctrl-C; run the same command again to start over", file=sys.stderr)
        return 130
    return 0


def set_up(parts: list[str], anew: bool) -> None:
    """Install these parts; into a new environment if `anew`."""
    what = "everything" if ALL in parts else f"what {', '.join(f'{part[1:]}W' for part in parts)} needs"
    print(f"setting up .venv with {what} (a few minutes, once) …", flush=True)
    DONE.unlink(missing_ok=True)  # a set-up that fails or is stopped leaves an environment that is made anew
    if anew:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
    install_uv()
    for arguments in install_arguments(parts):
        run("-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON), *arguments)
    facts = {"place": str(ROOT), "sources": sources_hash(), "parts": parts}
    DONE.write_text(json.dumps(facts), encoding="utf-8")


def extras_of(weeks: list[str]) -> list[str]:
    """The extras of pyproject.toml for weeks called "1W" or as their folder. Raises ValueError for another name."""
    extras = [f"w{week.partition('_')[0].upper().removesuffix('W')}" for week in weeks]
    known = [name for name in read_project()["optional-dependencies"] if re.fullmatch(r"w\d+", name)]
    for week, extra in zip(weeks, extras, strict=True):
        if extra not in known:
            raise ValueError(f"unknown week {week}; there are: {', '.join(f'{name[1:]}W' for name in known)}")
    return extras


def read_project() -> dict:
    """The table [project] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read_done() -> dict:
    """What was installed, and the hash of the files that said so; empty if there is no environment for this place.

    A virtual environment knows its own place: after a move of the checkout it is made anew.
    """
    try:
        done = json.loads(DONE.read_text(encoding="utf-8"))
        return done if done["place"] == str(ROOT) and PYTHON.exists() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def sources_hash() -> str:
    """A hash of the files that say what to install."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in SOURCES)).hexdigest()


def install_uv() -> None:
    """Install uv as the lock has it, with pip, which every virtual environment brings."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.search(r"^uv==.*(?:\n .*)*", lock, re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "uv.txt")
        listed.write_text(pinned + "\n", encoding="utf-8")
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
        run("-m", "pip", "install", *options, "-r", str(listed))


def install_arguments(parts: list[str]) -> list[list[str]]:
    """The calls of uv that install these parts, and then this repository itself, editable.

    The lock has hashes of what PyPI serves. Torch from elsewhere, as UV_TORCH_BACKEND asks for, has others.
    """
    pins = "constraints.txt" if os.environ.get("UV_TORCH_BACKEND") else "requirements.lock"
    extras = [word for part in parts for word in ("--extra", part)]
    packages = ["-r", "requirements.txt"] if ALL in parts else ["-r", "pyproject.toml", *extras, "setuptools"]
    return [[*packages, "-c", pins], ["--no-deps", "--no-build-isolation", "-e", "."]]


def run(*arguments: str) -> None:
    """Call the environment's Python in the repository. Raises CalledProcessError if it fails."""
    subprocess.run([str(PYTHON), *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
