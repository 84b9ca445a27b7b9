"""Exercises in notebooks: a check that never stops the notebook, and what a test needs to find an exercise's parts."""

import ast
import contextlib
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from coursework.tags import holds_source


@contextlib.contextmanager
def attempt(number: int) -> Iterator[None]:
    """Run the checks inside and say whether the exercise is solved; what failed is named, not raised."""
    try:
        yield
    except Exception as error:  # whatever a first attempt may raise
        print(f"Exercise {number}: not yet. {explain(error)}")
    else:
        print(f"Exercise {number}: solved.")


def explain(error: Exception) -> str:
    """One line on a failed check: its own words, or the error with the line of the attempt that raised it."""
    words = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, AssertionError):
        return words
    line = traceback.extract_tb(error.__traceback__)[-1].lineno
    return f"{type(error).__name__} in line {line}: {words}"


@dataclass(frozen=True)
class Exercise:
    """An exercise of a notebook: what the student completes, what checks it, and the solution that is folded away."""

    number: int
    stub: str
    check: str
    solution: str


def find_exercises(notebook) -> list[Exercise]:
    """The exercises of a notebook, in order: a stub, a cell that checks it by `attempt`, a folded solution.

    Raises: ValueError if one of the three is missing.
    """
    found, cells = [], notebook.cells
    for place, cell in enumerate(cells):
        number = re.search(r"^with attempt\((\d+)\):", cell.source, re.MULTILINE)
        if cell.cell_type != "code" or not number:
            continue
        stub, folded = cells[place - 1], cells[place + 1].source if place + 1 < len(cells) else ""
        solution = re.search(r"<details>.*?```python\n(.*?)```.*?</details>", folded, re.DOTALL)
        if stub.cell_type != "code" or not solution:
            raise ValueError(f"exercise {number[1]}: expected a stub before its check, and a folded solution after it")
        found.append(Exercise(int(number[1]), stub.source, cell.source, solution[1]))
    return found


def setup_of(notebook) -> str:
    """The imports and the source cells of a notebook, which are all that its exercises may count on."""
    lines = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or "setup" in cell.metadata.get("tags", []):
            continue
        if holds_source(cell):
            lines.append(cell.source)
            continue
        code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
        lines += [ast.unparse(step) for step in ast.parse(code).body if isinstance(step, ast.Import | ast.ImportFrom)]
    return "\n".join(lines)
