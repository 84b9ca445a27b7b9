"""Run notebooks headless: execute a copy, keep it and its figures below `build/`, report what failed."""

import base64
import itertools
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from coursework.colab import refresh_address
from coursework.datasets import data_dir
from coursework.kernels import ENDS, StoppableClient, end_kernel, same_handlers
from coursework.offline import guarded
from coursework.records import ONLY_BEGUN, build_dir, build_root, write_bytes, write_text
from coursework.terminal import Terminated
from coursework.weeks import Week

PICTURES = ("image/png", "image/jpeg")
HIDDEN = "hide-input"  # the tag of cells whose code no reader needs: set-up, records, sentences made of results
COLLAPSED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # what Colab and Jupyter call that
WRONG_FORM = (AttributeError, KeyError, TypeError)
UP = "\x1b[A"  # moves a terminal's cursor to the line above
MOVES = re.compile(r"(\r|\n|\x1b\[A)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Called with the number of code cells that have run, and of all.
Report = Callable[[int, int], None]


@dataclass
class Outcome:
    """What became of one executed notebook; `error` is None if every cell ran."""

    week: Week
    name: str
    path: Path
    seconds: float
    error: str | None = None


def run_notebook(week: Week, name: str, profile: str, overrides: str = "", report: Report | None = None) -> Outcome:
    """Execute a copy of notebook `name` into `build/<week>/<profile>/`; the committed file stays untouched.

    The kernel runs in the week's folder, offline at `tiny`. What goes wrong ends the notebook, not the caller.
    """
    path = build_dir(week.name, profile) / name
    started = time.monotonic()
    try:
        notebook = read_notebook(week.folder / name)
    except (ValueError, FileNotFoundError) as error:
        return Outcome(week, name, path, 0.0, str(error))
    refresh_address(notebook, week, name)
    error = execute(notebook, week.folder, kernel_environment(profile, overrides), report)
    strip_volatile(notebook)
    write_notebook(path, notebook)
    write_figures(path.parent / "figures", notebook)
    return Outcome(week, name, path, time.monotonic() - started, error)


def run_week(
    week: Week, profile: str, overrides: str = "", fresh: bool = False, report: Report | None = None
) -> list[Outcome]:
    """Run all notebooks of a week; `report` gets the progress of each, or a progress bar shows it.

    A run that ended left a record; everything it left is removed first, so that none of it can linger. One that was
    killed left none; what it left stays, for the notebook to go on from, and so does what was trained since a run
    ended, unless this run is to be `fresh`.
    """
    folder = build_dir(week.name, profile)
    if fresh:
        shutil.rmtree(folder)
        build_dir(week.name, profile)
    elif (folder / "results.json").exists():
        remove_until(folder, (folder / "results.json").stat().st_mtime_ns)
    for name in ("cover.png", *week.notebooks):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "figures", ignore_errors=True)
    return [run_notebook(week, name, profile, overrides, report) for name in week.notebooks]


def remove_until(folder: Path, moment: int) -> None:
    """Remove every file below `folder` that was not written after `moment` (nanoseconds), and empty folders."""
    for path in sorted(folder.rglob("*"), reverse=True):  # what is inside comes before what it is in
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.stat().st_mtime_ns <= moment:
            path.unlink()


def kernel_environment(profile: str, overrides: str) -> dict[str, str]:
    """The environment for a kernel: this process's own with profile, overrides and folders, and offline at `tiny`."""
    env = dict(os.environ) | {
        "COURSEWORK_PROFILE": profile,
        "COURSEWORK_SET": overrides,
        # A kernel has another working directory, where a relative path would lead elsewhere.
        "COURSEWORK_BUILD": str(build_root()),
        "COURSEWORK_DATA": str(data_dir()),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return guarded(env) if profile == "tiny" else env


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a notebook. Raises FileNotFoundError or ValueError that names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing from {path.parent.name}/; restore it from git")
    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, *WRONG_FORM) as error:
        raise ValueError(f"{path.name} is not a notebook ({type(error).__name__}); restore it from git") from None


def write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook whole or not at all, with the trailing newline that Jupyter writes."""
    write_text(path, nbformat.writes(notebook) + "\n")


def execute(
    notebook: nbformat.NotebookNode, folder: Path, env: dict[str, str], report: Report | None = None
) -> str | None:
    """Execute all cells in place; returns the failing cell's report or None.

    Progress goes to `report`; without it, a terminal shows a progress bar.
    Raises: KeyboardInterrupt for SIGINT, Terminated for SIGTERM, ValueError if no kernel can be started.
    """
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    client = StoppableClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.extra_arguments = ["--log-level=ERROR"]
    bar = tqdm(total=cells, desc=folder.name, unit="cell", leave=False, disable=True if report else None)
    done = itertools.count(1)

    def count(cell, cell_index, execute_reply) -> None:
        report(next(done), cells) if report else bar.update()

    client.on_cell_executed = count
    with bar, TemporaryFile() as stderr, same_handlers():  # what is written there of a stopped kernel helps nobody
        try:
            client.execute(env=env, stderr=stderr)
        except ENDS as error:
            end_kernel(client)
            if client.stopped is None:
                return explain(error, notebook, stderr)
        if client.stopped:
            raise KeyboardInterrupt if client.stopped == signal.SIGINT else Terminated
    return None


def explain(error: BaseException, notebook: nbformat.NotebookNode, stderr: IO[bytes]) -> str:
    """What ended a notebook, in words. Raises ValueError if it is that no kernel could be started."""
    if isinstance(error, CellExecutionError):
        return failing_cell(notebook) or "a cell failed without an error output"
    stderr.seek(0)
    said = stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2] or error
    if isinstance(error, DeadKernelError):
        return f"the kernel died ({said}); a machine short of memory does that"
    advice = "delete .venv and call make again, and see `jupyter kernelspec list` for another python3 that comes first"
    raise ValueError(f"the kernel did not start ({said}); {advice}") from None


def write_figures(folder: Path, notebook: nbformat.NotebookNode) -> None:
    """Write every figure as `folder/cell-12-1.png`, or `.jpeg`: cell counted from 1, then the figure within it."""
    for number, cell in enumerate(notebook.cells, start=1):
        kinds = [output.get("data", {}) for output in cell.get("outputs", [])]
        pictures = [
            (kind, data[f"image/{kind}"]) for data in kinds for kind in ("png", "jpeg") if f"image/{kind}" in data
        ]
        for place, (kind, encoded) in enumerate(pictures, start=1):
            folder.mkdir(exist_ok=True)
            write_bytes(folder / f"cell-{number:02d}-{place}.{kind}", base64.b64decode(encoded))


def failing_cell(notebook: nbformat.NotebookNode) -> str | None:
    """Source and traceback of the first cell with an error output; None if there is none."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = ANSI.sub("", "\n".join(output.traceback))
                return f"cell {number} failed:\n\n{cell.source}\n\n{trace}"
    return None


def only_begun(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines with which an executed notebook says that it shows a training that has only begun."""
    printed = "".join(output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output)
    return [line for line in dict.fromkeys(printed.splitlines()) if line.endswith(ONLY_BEGUN)]


def strip_volatile(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs between equal runs: time stamps, kernel names, versions, and interface state.

    Tags stay, and cells with the tag HIDDEN are collapsed.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict(({"tags": tags} if tags else {}) | (COLLAPSED if HIDDEN in tags else {}))
        if "outputs" in cell:
            drop_finished_bars(cell)
            join_streams(cell)
        for output in cell.get("outputs", []):
            if "metadata" in output:  # pictures keep the words for who cannot see them
                words = {kind: output.metadata.get(kind, {}).get("alt") for kind in PICTURES}
                output.metadata = nbformat.from_dict({kind: {"alt": text} for kind, text in words.items() if text})


def drop_finished_bars(cell: nbformat.NotebookNode) -> None:
    """Remove what progress bars wrote to stderr and then wiped out, so that a screen would show nothing of it."""
    written = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
    if not on_screen(written):
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


def join_streams(cell: nbformat.NotebookNode) -> None:
    """Make one output of what was printed in a row: where a kernel cuts it depends on the moment.

    nbclient's `coalesce_streams` would also move what is printed after a figure before it.
    """
    joined = []
    for output in cell.outputs:
        last = joined[-1] if joined else {}
        if output.output_type == last.get("output_type") == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    cell.outputs = joined


def on_screen(written: str) -> str:
    """What a terminal shows of a text in which progress bars go back to the start of their line and to lines above."""
    lines, row, column = [""], 0, 0
    for part in MOVES.split(written):
        if part == "\r":
            column = 0
        elif part == UP:
            row = max(row - 1, 0)
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + part + line[column + len(part) :]
            column += len(part)
    return "\n".join(lines).strip()
