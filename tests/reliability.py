"""python tests/reliability.py writes docs/reliability.md: what was done to the project, and what happened.

Every row is a test with the marker `fault`, so that what stands there is what the tests have seen.
"""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "reliability.md"
HEAD = """# Fault tests: what happens in case of errors

Each row is a test that causes a fault and checks the behaviour. Most of them run in `make test`. Those marked with a
star take longer or need root, a browser, the network or a GPU; `make test-all` runs them. `python tests/reliability.py`
generates this page from the tests.

| Fault | Behaviour | Test |
| --- | --- | --- |
"""
APART = {"browser", "net", "root", "cuda", "fuzz", "slow"}  # which `make test` leaves out


def rows() -> list[str]:
    """A row for each test with the marker, by the order of the files."""
    found = []
    for path in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            marks = {mark.func.attr: mark.args for mark in getattr(node, "decorator_list", []) if is_mark(mark)}
            names = {mark.attr for mark in getattr(node, "decorator_list", []) if isinstance(mark, ast.Attribute)}
            if "fault" in marks:
                done, happened = (argument.value for argument in marks["fault"])
                star = " \\*" if names & APART else ""
                found.append(f"| {done}{star} | {happened} | [{path.name}](../tests/{path.name}) `{node.name}` |")
    return sorted(found)


def is_mark(decorator: ast.expr) -> bool:
    """Whether a decorator is a marker with arguments."""
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(rows()) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
