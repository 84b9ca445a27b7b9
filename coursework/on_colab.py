"""Set up a session on Colab: called by a notebook's set-up cell, which has cloned the repository into `course/`.

Needs only the standard library.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path


def set_up(week: str, extra: str) -> None:
    """Install what a week needs and Colab lacks, and make the week's folder the current one.

    What Colab ships keeps its version. Raises: RuntimeError that says what pip could not do.
    """
    root = Path("course").resolve()
    os.chdir(root / week)
    sys.path[:0] = [str(root), os.getcwd()]
    pip = [sys.executable, "-m", "pip"]
    pins = root / "preinstalled.txt"
    pins.write_text(run(*pip, "list", "--format=freeze", "--exclude=coursework"), encoding="utf-8")
    run(*pip, "install", "--no-build-isolation", "-c", str(pins), "-e", f"{root}[{extra}]")
    sys.modules.setdefault("imp", importlib)  # Colab's IPython imports it for %autoreload


def run(*command: str) -> str:
    """Run a command; returns its output. Raises RuntimeError with the lines that say why it failed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = f"{done.stdout}\n{done.stderr}".splitlines()
        reasons = [line for line in lines if any(word in line for word in ("ERROR", "depends on", "requested"))]
        raise RuntimeError("Set-up failed. " + "; ".join(reasons or lines[-3:]))
    return done.stdout
