"""Run notebooks headless: execute, collect the record, export, and bring the rendered files back into the week."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from coursework.colab import refresh_address
from coursework.offline import guarded
from coursework.records import build_dir, write_text
from coursework.weeks import Week

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """What became of one executed notebook; `error` is None if every cell ran."""

    week: Week
    name: str
    path: Path
    seconds: float
    error: str | None = None


def run_notebook(week: Week, name: str, profile: str, overrides: str = "") -> Outcome:
    """Execute a copy of notebook `name` into `build/<week>/<profile>/`; the committed file stays untouched.

    The kernel runs in the week's folder, offline at `tiny`. A failing cell ends the notebook, not the caller.
    """
    folder = build_dir(week.name, profile)
    notebook = read_notebook(week.folder / name)
    refresh_address(notebook, week, name)
    started = time.monotonic()
    error = execute(notebook, week.folder, kernel_environment(profile, overrides))
    strip_volatile(notebook)
    write_notebook(folder / name, notebook)
    return Outcome(week, name, folder / name, time.monotonic() - started, error)


def run_week(week: Week, profile: str, overrides: str = "") -> list[Outcome]:
    """Run all notebooks of a week; an earlier run's record is removed first, so that none of it can linger."""
    (build_dir(week.name, profile) / "results.json").unlink(missing_ok=True)
    return [run_notebook(week, name, profile, overrides) for name in week.notebooks]


def kernel_environment(profile: str, overrides: str) -> dict[str, str]:
    """The environment for a kernel: this process's own, with profile and overrides, and the guard at `tiny`."""
    env = dict(os.environ) | {"COURSEWORK_PROFILE": profile, "COURSEWORK_SET": overrides}
    env |= {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return guarded(env) if profile == "tiny" else env


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a notebook. Raises FileNotFoundError or ValueError that names the file."""
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is not a notebook ({type(error).__name__}); restore it from git") from None


def write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook whole or not at all, with the trailing newline that Jupyter writes."""
    write_text(path, nbformat.writes(notebook) + "\n")


def execute(notebook: nbformat.NotebookNode, folder: Path, env: dict[str, str]) -> str | None:
    """Execute all cells in place, with a progress bar on a terminal; returns the failing cell's report or None."""
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.extra_arguments = ["--log-level=ERROR"]
    with tqdm(total=cells, desc=folder.name, unit="cell", leave=False, disable=None) as bar:
        client.on_cell_executed = lambda cell, cell_index, execute_reply: bar.update()
        try:
            client.execute(env=env)
        except CellExecutionError:
            return failing_cell(notebook)
        except DeadKernelError:
            return "the kernel died; a machine short of memory does that"
    return None


def failing_cell(notebook: nbformat.NotebookNode) -> str:
    """Source and traceback of the first cell with an error output."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = ANSI.sub("", "\n".join(output.traceback))
                return f"cell {number} failed:\n\n{cell.source}\n\n{trace}"
    return "a cell failed without an error output"


def strip_volatile(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs between equal runs: time stamps, kernel names, versions, and interface state."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
