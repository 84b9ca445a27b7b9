"""Source cells: cells of a notebook that hold functions and classes of the week's modules, word for word.

The tag "source:<module>:<names>", names separated by spaces, says what a cell holds. The notebook uses the definitions
of its own cells: whoever edits such a cell changes what is computed. Tests and commands use the modules.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursework.notebooks import read_notebook, write_notebook
from coursework.tags import PREFIX
from coursework.weeks import ROOT, Week


@dataclass(frozen=True)
class SourceCell:
    """A source cell: its number, counted from 1, the cell, and the module and names that its tag gives."""

    number: int
    cell: NotebookNode
    module: str
    names: tuple[str, ...]


def source_cells(notebook: NotebookNode) -> list[SourceCell]:
    """The source cells of a notebook, in order. Raises ValueError for a tag that names no module or no definition."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(PREFIX):
                module, _, names = tag.removeprefix(PREFIX).partition(":")
                if not module or not names.split():
                    raise ValueError(f"cell {number}: tag {tag!r}; write {PREFIX}module:name name …")
                found.append(SourceCell(number, cell, module, tuple(names.split())))
    return found


def module_path(module: str, folder: Path) -> Path:
    """The file of a module of the week in `folder`, or of `coursework`. Raises ValueError if there is none."""
    for root in (folder, ROOT):
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        if path.is_file():
            return path
    raise ValueError(f"no module {module} in {folder.name}/ or at the repository's root")


def read_source(path: Path, names: tuple[str, ...]) -> str:
    """The text of top-level functions, classes and constants of a file, in the order of `names`.

    Raises: ValueError for a name that the file does not define.
    """
    text = path.read_text(encoding="utf-8")
    lines, defined = text.splitlines(), {}
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        for target in targets:
            defined[getattr(target, "id", getattr(target, "name", None))] = "\n".join(
                lines[first - 1 : node.end_lineno]
            )
    unknown = [name for name in names if name not in defined]
    if unknown:
        raise ValueError(f"{path.name} does not define {', '.join(unknown)}")
    return "\n\n\n".join(defined[name] for name in names)


def stale_cells(notebook: NotebookNode, folder: Path) -> list[tuple[SourceCell, str]]:
    """The source cells that differ from their modules, each with what it should hold."""
    wanted = [(found, read_source(module_path(found.module, folder), found.names)) for found in source_cells(notebook)]
    return [(found, source) for found, source in wanted if found.cell.source != source]


def sync(weeks: list[Week]) -> list[Path]:
    """Write the modules' code into the source cells of the weeks' notebooks; returns the notebooks that changed."""
    changed = []
    for week in weeks:
        for name in week.notebooks:
            notebook = read_notebook(week.folder / name)
            stale = stale_cells(notebook, week.folder)
            for found, source in stale:
                found.cell.source = source
            if stale:
                write_notebook(week.folder / name, notebook)
                changed.append(week.folder / name)
    return changed
