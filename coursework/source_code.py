"""The code of a training as one hash: what a loss, a network and a step consist of, wherever their parts stand.

Wording changes nothing: code is compared as `ast.unparse` writes it, without docstrings, annotations, comments and
texts of errors. Definitions in notebook cells are found, too.
"""

import ast
import copy
import functools
import inspect
import linecache
import symtable
import sys
import textwrap
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coursework.provenance import short_hash
from coursework.weeks import all_weeks

# Modules of a week whose code is no part of a training: settings are compared by value, figures come afterwards.
NOT_TRAINED = {"config", "plots", "report"}
# Modules outside the weeks whose code takes part in trainings.
HELPERS = {"coursework.imagenet", "coursework.schedules", "coursework.training"}


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


@dataclass(frozen=True)
class Definition:
    """Code without its wording, and what it mentions: ("name",) or ("module", "name")."""

    text: str
    names: tuple[tuple[str, ...], ...]


@functools.cache
def read_definitions(source: str) -> dict[object, ast.stmt]:
    """What a file defines: functions by the line on which they or their decorators begin, classes by name."""
    found = {}

    def visit(node: ast.AST, path: tuple[str, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inside = path
            if isinstance(child, ast.FunctionDef):
                found[min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])] = child
                inside = (*path, child.name, "<locals>")
            elif isinstance(child, ast.ClassDef):
                inside = (*path, child.name)
                found[".".join(inside)] = child
            visit(child, inside)

    visit(ast.parse(source), ())
    return found


@functools.cache
def read_definition(source: str, key: object) -> Definition:
    """The definition with this key of `read_definitions`, or that of a global with this name."""
    assigned, _ = read_names(source)
    return define(read_definitions(source).get(key) or assigned[key])


def define(node: ast.stmt) -> Definition:
    """The definition that a statement is; the statement itself stays as it is."""
    node = copy.deepcopy(node)
    text = plain_code(node)  # takes the annotations out of the tree
    names = []
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            names.append((part.id,))
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            names.append((part.value.id, part.attr))
    outside = names_from_outside(symtable.symtable(text, "definition", "exec"))
    return Definition(text, tuple(name for name in dict.fromkeys(names) if name[0] in outside))


def names_from_outside(table: symtable.SymbolTable) -> set[str]:
    """The names that a statement uses and does not define: a notebook may have globals named as its arguments are."""
    top = table.get_type() == "module"
    own = {one.get_name() for one in table.get_symbols() if (one.is_referenced() if top else one.is_global())}
    return own.union(*map(names_from_outside, table.get_children()))


def source_of(thing) -> Definition:
    """The definition of a function, class or global. Raises ValueError if its source is nowhere to be found.

    A class in a notebook does not know its file; the code of one of its methods does, and leads to the cell.
    """
    if isinstance(thing, Global):
        return read_definition(module_source(thing.module), thing.name)
    methods = [thing] if inspect.isfunction(thing) else [getattr(one, "__func__", one) for one in vars(thing).values()]
    methods = filter(inspect.isfunction, methods)
    files = [method.__code__.co_filename for method in methods]
    files += [getattr(sys.modules.get(thing.__module__), "__file__", None)] * inspect.isclass(thing)
    key = thing.__code__.co_firstlineno if inspect.isfunction(thing) else thing.__qualname__
    for file in filter(None, files):
        linecache.checkcache(file)
        source = "".join(linecache.getlines(file))
        if source and key in read_definitions(source):
            return read_definition(source, key)
    try:  # such as a lambda, of which the statement is taken
        return define(ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0])
    except (OSError, TypeError):
        raise ValueError(
            f"the source of {thing.__name__} cannot be found; define it in a file or in a notebook cell"
        ) from None


@functools.cache
def week_packages() -> set[str]:
    """The names of the weeks' packages, and the one under which a notebook's own definitions go."""
    return {"__main__", *(week.package for week in all_weeks())}


def takes_part(module: str) -> bool:
    """Whether the code of a module takes part in trainings: it is one of a week, a notebook, or one of HELPERS."""
    parts = module.split(".")
    return module in HELPERS or (parts[0] in week_packages() and parts[-1] not in NOT_TRAINED)


def is_taught(thing) -> bool:
    """Whether a value is a function or class that takes part in trainings."""
    return (inspect.isfunction(thing) or inspect.isclass(thing)) and takes_part(thing.__module__)


def bare(thing):
    """The function or class inside `functools.partial`, caches and other wrappers."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return inspect.unwrap(thing) if callable(thing) else thing


@dataclass(frozen=True)
class Global:
    """A name to which a module assigns a value: a constant, a collection of functions, a transform."""

    module: str
    name: str


def module_source(module: str) -> str:
    """The source of a module; empty for a notebook."""
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        return ""
    linecache.checkcache(file)
    return "".join(linecache.getlines(file))


@functools.cache
def read_names(source: str) -> tuple[dict[str, ast.stmt], dict[str, tuple[str, str]]]:
    """What a file assigns, {name: statement}, and imports, {name: (module, name there)}."""
    assigned, imported = {}, {}
    for node in ast.parse(source).body:
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            if isinstance(target, ast.Name):
                assigned[target.id] = node
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return assigned, imported


def find_global(module: str, name: str) -> Global | None:
    """Where a name gets its value, if that is a module that takes part in trainings; imports are followed."""
    if not takes_part(module) or module not in sys.modules:
        return None
    assigned, imported = read_names(module_source(module))
    if name in imported:
        return find_global(*imported[name])
    return Global(module, name) if name in assigned else None


def is_choice(value) -> bool:
    """Whether a value is a dict of functions or classes from which a setting chooses; the choice itself is a root."""
    entries = value.values() if isinstance(value, dict) else ()
    flat = [part for entry in entries for part in (entry if isinstance(entry, tuple) else (entry,))]
    return bool(flat) and all(map(is_taught, flat))


def names_of(definition: Definition, module: types.ModuleType) -> Iterator[tuple[str, str, object]]:
    """(module, name, value) of every global that a definition mentions, `module.name` included."""
    scope = vars(module)
    for first, *rest in definition.names:
        if not rest and first in scope:
            yield module.__name__, first, scope[first]
        if rest and isinstance(scope.get(first), types.ModuleType) and hasattr(scope[first], rest[0]):
            yield scope[first].__name__, rest[0], getattr(scope[first], rest[0])


def mentioned(thing, definition: Definition) -> Iterator[object]:
    """The functions, classes and globals of a week that a definition mentions; constants of a notebook as text."""
    module = sys.modules[thing.module if isinstance(thing, Global) else thing.__module__]
    for owner, name, value in names_of(definition, module):
        found = find_global(owner, name)
        if is_taught(value) or (is_taught(bare(value)) and not found):
            yield bare(value)
        elif found and not is_choice(value):
            yield found
        elif owner == "__main__" and name.isupper() and not inspect.ismodule(value) and " at 0x" not in repr(value):
            yield f"{name} = {value!r}"


def training_code(*roots, alone: Sequence = ()) -> str:
    """A hash of functions and classes, of all functions, classes and globals of the week that they use, and so on.

    Of the definitions in `alone` only their own code counts, not what they use: they mention more than one training.
    Annotations, docstrings, comments, error texts, and the module in which a definition stands, do not change the
    hash. A dict of functions from which a setting chooses is not followed: the chosen one must be a root. Arguments of
    a `functools.partial` among the roots belong into the settings.
    """
    return short_hash(sorted(set(find_code(roots, alone).values())))


def find_code(roots: Sequence, alone: Sequence = ()) -> dict[object, str]:
    """The code behind `training_code`: {function, class, global or constant: its code}."""
    texts, waiting, ends = {}, [bare(root) for root in (*roots, *alone)], {bare(one) for one in alone}
    while waiting:
        thing = waiting.pop()
        if thing in texts:
            continue
        if isinstance(thing, str):
            texts[thing] = thing
            continue
        definition = source_of(thing)
        texts[thing] = definition.text
        waiting += [] if thing in ends else mentioned(thing, definition)
    return texts


def model_code(model) -> list[type]:
    """The classes of a week that a network is made of, for `training_code`."""
    return [kind for kind in {type(module): None for module in model.modules()} if is_taught(kind)]
