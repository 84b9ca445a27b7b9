"""Provenance: by which settings, code and data weights and records were produced, and whether they are still valid.

Weights can be evaluated if the architecture and the classes agree (`architecture_of`). They are the result of a given
training if its settings, its code and the name of its data set agree, too (`Training`). The items of a data set are
compared one by one and the differing ones are counted: another copy of a published data set, decoded by another
library or saved with another JPEG quality, still counts as the data set that the weights were trained on.
"""

import ast
import functools
import hashlib
import inspect
import json
import linecache
import sys
import textwrap
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from coursework.weeks import all_weeks

# Modules of a week that are not part of the code hash: they do not influence the trained weights, or they mention code
# of several trainings. Data have a fingerprint of their own; code that a setting selects is passed to `training_code`.
NOT_TRAINED = {"config", "data", "evaluate", "plots", "recipe", "report", "stages"}
CONSTANTS = (bool, int, float, str, type(None))
OTHER_DATA, OTHER_CODE = "trained on other data", "trained by other code"


def short_hash(*parts) -> str:
    """A hash of arrays, strings, numbers and dicts of them, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.shape, part.dtype.str)).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


class Normalise(ast.NodeTransformer):
    """Reduce code to what it computes: drop docstrings, annotations and error texts; write f-strings as calls."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body = without_docstring(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns, node.body = None, without_docstring(node.body)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = without_docstring(node.body)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:  # a field of a dataclass: its name counts, its type does not
            return ast.Expr(node.target)
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=0))

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        node.cause = None
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Call:
        # Python versions write f-strings with other quotes; their parts are what counts.
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        return self.generic_visit(ast.Call(ast.Name("f_string"), parts, []))


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body after its docstring; `pass` where nothing is left."""
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:] or [ast.Pass()]
    return body


def plain_code(tree: ast.AST) -> str:
    """Code as text, without its wording."""
    return ast.unparse(ast.fix_missing_locations(Normalise().visit(tree)))


def source_tree(thing) -> ast.stmt:
    """The definition of a function or class. Raises ValueError if its source is nowhere to be found.

    `inspect` does not find classes that were defined in a notebook; the code of one of their methods leads to the cell.
    """
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    except (OSError, TypeError):
        pass
    methods = vars(thing).values() if inspect.isclass(thing) else ()
    for method in filter(inspect.isfunction, methods):
        lines = linecache.getlines(method.__code__.co_filename)
        for node in ast.walk(ast.parse("".join(lines))) if lines else ():
            if isinstance(node, ast.ClassDef) and node.name == thing.__name__:
                return node
    raise ValueError(f"the source of {thing.__name__} cannot be found; define it in a file or in a notebook cell")


@functools.cache
def week_packages() -> set[str]:
    """The names of the weeks' packages, and the one under which a notebook's own definitions go."""
    return {"__main__", *(week.package for week in all_weeks())}


def is_taught(thing) -> bool:
    """Whether a function or class belongs to what a week trains: defined in its package, or in a notebook."""
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return False
    parts = thing.__module__.split(".")
    return parts[0] in week_packages() and parts[-1] not in NOT_TRAINED


def bare(thing):
    """The function or class inside `functools.partial`, caches and other wrappers."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return inspect.unwrap(thing) if callable(thing) else thing


def names_of(tree: ast.stmt, scope: dict) -> Iterator[tuple[str, object]]:
    """(name, value) of every global that a definition mentions, `module.name` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in scope:
            yield node.id, scope[node.id]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = scope.get(node.value.id)
            if isinstance(owner, types.ModuleType) and hasattr(owner, node.attr):
                yield node.attr, getattr(owner, node.attr)


def is_constant(value) -> bool:
    """A number, a text, or a collection of them."""
    if isinstance(value, dict):
        return all(map(is_constant, (*value, *value.values())))
    return all(map(is_constant, value)) if isinstance(value, tuple | list) else isinstance(value, CONSTANTS)


def training_code(*roots) -> str:
    """A hash of functions and classes, of the week's functions and classes that they use, and of their constants.

    Docstrings, comments, error texts and the module of a definition do not change the hash. Code of NOT_TRAINED modules
    and of `coursework` is not included. Arguments of a `functools.partial` are not, either: put them into the settings.
    """
    found, waiting = {}, [bare(root) for root in roots]
    while waiting:
        thing = waiting.pop()
        if thing in found:
            continue
        tree = source_tree(thing)
        found[thing] = {plain_code(tree)}
        for name, value in names_of(tree, vars(sys.modules[thing.__module__])):
            if is_taught(bare(value)):
                waiting.append(bare(value))
            elif name.isupper() and is_constant(value):
                found[thing].add(f"{name} = {value!r}")
    return short_hash(sorted({text for texts in found.values() for text in texts}))


def model_code(model) -> list[type]:
    """The classes of a week that a network is made of, for `training_code`."""
    return [kind for kind in {type(module): None for module in model.modules()} if is_taught(kind)]


def architecture_of(model, classes: Sequence[str] = ()) -> str:
    """A hash of the names and shapes of a network's tensors and of its classes: whether weights can be evaluated."""
    return short_hash({name: tuple(value.shape) for name, value in model.state_dict().items()}, list(classes))


@dataclass(frozen=True)
class Fingerprint:
    """The data of a training: their name, and a short hash for each item, uint32 (n,), sorted."""

    name: str
    items: np.ndarray = field(repr=False)

    @property
    def hash(self) -> str:
        """One hash of all items."""
        return short_hash(self.items)

    def differing(self, folder: Path, facts: dict) -> int:
        """How many of these items are not among those of the training that `facts` describe.

        `folder` is the week's, where `trained_on/<name>.txt` lists the items of committed trainings.
        """
        if facts.get("hash") == self.hash:
            return 0
        path = folder / "trained_on" / f"{self.name}.txt"
        known = np.array([int(word, 16) for word in path.read_text().split()], np.uint32) if path.is_file() else []
        return int((~np.isin(self.items, known)).sum())

    def as_text(self) -> str:
        """The content of `trained_on/<name>.txt`, twelve items a line."""
        words = [f"{item:08x}" for item in self.items.tolist()]
        return "\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12)) + "\n"


def fingerprint(name: str, names: Sequence[str], *arrays: np.ndarray) -> Fingerprint:
    """The fingerprint of a data set: an item is a name with its rows of `arrays`, each (n, …)."""
    digests = []
    for row, item in enumerate(names):
        digest = hashlib.blake2b(str(item).encode(), digest_size=4)
        for array in arrays:
            digest.update(np.ascontiguousarray(array[row]).tobytes())
        digests.append(int(digest.hexdigest(), 16))
    return Fingerprint(name, np.sort(np.array(digests, np.uint32)))


def as_json(settings: dict) -> dict:
    """Settings as they come back from a file: tuples as lists, keys as texts."""
    return json.loads(json.dumps(settings))


@dataclass(frozen=True)
class Training:
    """What decides how a training ends: settings (JSON values; steps and seed among them), code, data."""

    settings: dict
    code: str
    data: Fingerprint

    @property
    def key(self) -> str:
        """The training key: equal keys, equal trainings."""
        return short_hash(self.settings, self.code, self.data.name, self.data.hash)

    def as_facts(self) -> dict:
        """What stands in the header of weights and in records."""
        data = {"name": self.data.name, "items": len(self.data.items), "hash": self.data.hash}
        return {"key": self.key, "settings": as_json(self.settings), "code": self.code, "data": data}

    def difference(self, facts: dict | None) -> str | None:
        """Why finished weights or a record with these facts do not stand for this training; None if they do."""
        if facts is None or not {"settings", "code", "data"} <= set(facts):
            return "damaged, or not written by this course's code"
        if facts["data"]["name"] != self.data.name:
            return OTHER_DATA
        own, theirs = as_json(self.settings), facts["settings"]
        names = [name for name in own | theirs if own.get(name) != theirs.get(name)]
        changed = [f"{name} {theirs.get(name)!r}, now {own.get(name)!r}" for name in names]
        if changed:
            return f"trained with other settings ({'; '.join(changed[:3])})"
        return None if facts["code"] == self.code else OTHER_CODE
