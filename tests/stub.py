"""A course of one tiny week in a folder of its own, on which the real command line runs in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import v4

from coursework.weeks import ROOT

WEEK = """
name = "1W"
package = "stub"
extra = "w1"
notebooks = ["trial.ipynb"]
headline = "accuracy"
[metrics]
accuracy = "accuracy"
[text.en]
task = "try"
data = "rows"
model = "m"
headline = "accuracy"
original = "-"
"""
CONFIG = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Config:
    rows: int = 3
CONFIGS = dict.fromkeys(("tiny", "sample", "full"), Config())
"""


def make_course(root: Path, *sources: str) -> Path:
    """Write a course into `root`: this package, and a week whose notebook has these code cells; returns `root`."""
    shutil.copytree(ROOT / "coursework", root / "coursework", ignore=shutil.ignore_patterns("assets", "__pycache__"))
    (root / "1W_stub" / "stub").mkdir(parents=True)
    (root / "1W_stub" / "week.toml").write_text(WEEK, encoding="utf-8")
    (root / "1W_stub" / "stub" / "config.py").write_text(CONFIG, encoding="utf-8")
    cells = [v4.new_markdown_cell("# Trial [![Open in Colab](a)](b)"), *map(v4.new_code_cell, sources)]
    nbformat.write(v4.new_notebook(cells=cells), root / "1W_stub" / "trial.ipynb")
    return root


def environment(root: Path, **variables: str) -> dict[str, str]:
    """The environment for commands of a course in `root`; everything that they produce lies below `root`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COURSEWORK_")}
    path = os.pathsep.join([str(root), str(root / "1W_stub")])
    return env | {"PYTHONPATH": path, "JUPYTER_RUNTIME_DIR": str(root / "runtime")} | variables


def start(root: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    """`python -m coursework …` on a course; its output is read as bytes."""
    command = [sys.executable, "-m", "coursework", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=root, env=environment(root, **variables), preexec_fn=heed_ctrl_c, **streams)


def heed_ctrl_c() -> None:
    """What a shell runs in the background ignores SIGINT, and so would all that it starts, these tests included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def call(root: Path, *arguments: str, **variables: str) -> tuple[int, bytes, bytes]:
    """The same, until it ends: status, output, errors."""
    with start(root, *arguments, **variables) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err
