"""The gate: what every committed notebook must satisfy, so that it shows on GitHub and can be trusted."""

import base64
import binascii
import io
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from PIL import Image, UnidentifiedImageError

from coursework.notebooks import PICTURES, read_notebook
from coursework.weeks import ROOT, Week

MAX_BYTES = 1_500_000
MAX_LINES = 60
MAX_WIDTH, MAX_HEIGHT = 1272, 1600  # pixels; a page of 1,280 must not scroll sideways

TOP_FOLDERS = "home|root|tmp|usr|opt|var|mnt|srv|media|data|work|workspace|content|kaggle|Users|private"
LOCAL_PATH = re.compile(rf"(?:(?<![\w./~-])|file://)/(?:{TOP_FOLDERS})/|\b[A-Z]:\\+\w")
TIMESTAMP = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d|\b\d\d:\d\d:\d\d\b|\b\d\d\.\d\d\.20\d\d,? \d\d:\d\d")
TOKEN = re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|AKIA[0-9A-Z]{16}|sk-[\w-]{20,}|KGAT_\w{20,})")
TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")
ACTIVE_HTML = re.compile(r"<script|\son\w+\s*=", re.IGNORECASE)
SOURCE_BLOCK = re.compile(r"^```python\n.*?^```", re.MULTILINE | re.DOTALL)


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
        yield from description_complaints(output)


def data_complaints(data: dict) -> Iterator[str]:
    """Complaints about a displayed result, a dict from MIME type to content."""
    unknown = [kind for kind in data if kind not in (*PICTURES, *TEXTS)]
    if unknown:
        yield f"output of type {', '.join(unknown)}, which GitHub does not show"
    if ACTIVE_HTML.search(data.get("text/html", "")):
        yield "needs JavaScript, which GitHub does not run"
    for kind in TEXTS:
        yield from text_complaints(data.get(kind, ""))
    if "text/html" in data:
        yield from length_complaints("\n" * (data["text/html"].count("<tr") - 1))
    elif "text/markdown" in data:  # sources that the notebook teaches may be long
        yield from length_complaints(SOURCE_BLOCK.sub("", data["text/markdown"]))
    else:
        yield from length_complaints(data.get("text/plain", ""))
    for kind in PICTURES:
        if kind in data:
            yield from picture_complaints(kind, data[kind])


def description_complaints(output: nbformat.NotebookNode) -> Iterator[str]:
    """Complaints about a picture without words for who cannot see it."""
    for kind in PICTURES:
        if kind in output.data and not output.metadata.get(kind, {}).get("alt"):
            yield "a figure without alternative text: call use_style() of coursework.figures first"


def picture_complaints(kind: str, encoded: str) -> Iterator[str]:
    """Complaints about a picture: damaged, of another kind than it says, or larger than a screen shows."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
            size, format_ = picture.size, picture.format
            picture.load()
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError):
        yield f"{kind} that cannot be read"
        return
    if f"image/{format_.lower()}" != kind:
        yield f"{kind} that is {format_}"
    if size[0] > MAX_WIDTH or size[1] > MAX_HEIGHT:
        yield f"a figure of {size[0]} × {size[1]} pixels, at most {MAX_WIDTH} × {MAX_HEIGHT} fit a screen"


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
