"""The gate: what every committed notebook must satisfy, so that it shows on GitHub and can be trusted."""

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import nbformat

from coursework.notebooks import read_notebook
from coursework.weeks import ROOT, Week

MAX_BYTES = 1_500_000
MAX_LINES = 60
MAX_WIDTH = 1600  # pixels; wider figures only weigh more on a screen

LOCAL_PATH = re.compile(r"(?<![\w./~-])/(?:home|root|tmp|usr|opt|var|mnt|content|Users|private)/|\b[A-Z]:\\+\w")
TIMESTAMP = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d")
TOKEN = re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|AKIA[0-9A-Z]{16}|sk-[\w-]{20,}|KGAT_\w{20,})")
SHOWN = ("image/png", "image/jpeg", "text/html", "text/markdown", "text/plain", "text/latex")


def check_week(week: Week) -> list[str]:
    """All complaints about the committed notebooks of `week`; an empty list means that they pass."""
    return [complaint for name in week.notebooks for complaint in check_notebook(week.folder / name)]


def check_notebook(path: Path) -> list[str]:
    """All complaints about one notebook, each naming the file, the cell (counted from 1) and the reason."""
    if not path.is_file():
        return [f"{path.name}: missing"]
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        return [str(error)]
    complaints = [*file_complaints(path, notebook)]
    expected_count = 1
    for number, cell in enumerate(notebook.cells, start=1):
        reasons = [*text_complaints(cell.source), *metadata_complaints(cell)]
        if cell.cell_type == "code":
            reasons += count_complaints(cell, expected_count)
            expected_count += 1
            for output in cell.outputs:
                reasons += output_complaints(output)
        complaints += [f"{path.name}, cell {number}: {reason}" for reason in dict.fromkeys(reasons)]
    return complaints


def file_complaints(path: Path, notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Complaints about the file as a whole: its size, its form, widget state."""
    if path.stat().st_size > MAX_BYTES:
        yield f"{path.name}: {path.stat().st_size:,} bytes, at most {MAX_BYTES:,} are shown quickly"
    if "widgets" in notebook.metadata:
        yield f"{path.name}: holds widget state, for which GitHub refuses the whole notebook"
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"{path.name}: not a valid notebook: {error.message}"


def count_complaints(cell: nbformat.NotebookNode, expected: int) -> Iterator[str]:
    """Complaints about a code cell that was not run, or not in order."""
    if not cell.source.strip():
        yield "an empty code cell"
    if cell.execution_count is None:
        yield "not executed"
    elif cell.execution_count != expected:
        yield f"execution count {cell.execution_count}, expected {expected}: restart the kernel and run all"


def metadata_complaints(cell: nbformat.NotebookNode) -> Iterator[str]:
    """Complaints about volatile cell metadata."""
    if "execution" in cell.metadata:
        yield "holds the times at which it ran"


def output_complaints(output: nbformat.NotebookNode) -> Iterator[str]:
    """Complaints about one output of a code cell."""
    if output.output_type == "error":
        yield f"ends in {output.ename}: {output.evalue}"
    elif output.output_type == "stream":
        if output.name == "stderr":
            yield f"writes to stderr: {output.text.strip().splitlines()[0] if output.text.strip() else 'blank lines'}"
        yield from text_complaints(output.text)
        yield from length_complaints(output.text)
    else:
        yield from data_complaints(output.data)


def data_complaints(data: dict) -> Iterator[str]:
    """Complaints about a displayed result, a dict from MIME type to content."""
    if not any(kind in data for kind in SHOWN):
        yield f"output of type {', '.join(data)} only, which GitHub does not show"
    if any("widget" in kind for kind in data):
        yield "a widget, which GitHub does not show"
    if "application/javascript" in data or "<script" in data.get("text/html", ""):
        yield "needs JavaScript, which GitHub does not run"
    for kind in ("text/plain", "text/html", "text/markdown", "text/latex"):
        yield from text_complaints(data.get(kind, ""))
    if "text/markdown" not in data:
        yield from length_complaints(data.get("text/plain", ""))
    if "image/png" in data:
        yield from picture_complaints(data["image/png"])


def picture_complaints(encoded: str) -> Iterator[str]:
    """Complaints about a PNG: damaged, or larger than a screen shows."""
    try:
        content = base64.b64decode(encoded)
        width, height = struct.unpack(">II", content[16:24])
    except (binascii.Error, struct.error):
        yield "a PNG that cannot be read"
        return
    if not content.startswith(b"\x89PNG"):
        yield "a PNG that is none"
    elif max(width, height) > MAX_WIDTH:
        yield f"a figure of {width} × {height} pixels, at most {MAX_WIDTH} fit a screen"


def text_complaints(text: str) -> Iterator[str]:
    """Complaints about paths, times and secrets in a source or an output."""
    for pattern, reason in ((LOCAL_PATH, "absolute path"), (TIMESTAMP, "time stamp"), (TOKEN, "access token")):
        if found := pattern.search(text):
            yield f"{reason} {text[found.start() : found.end() + 20].splitlines()[0]!r}"
    if str(ROOT) in text:
        yield f"absolute path {str(ROOT)!r}"


def length_complaints(text: str) -> Iterator[str]:
    """Complaints about a wall of text."""
    lines = text.count("\n") + 1
    if lines > MAX_LINES:
        yield f"{lines} lines of text, at most {MAX_LINES} are read"
