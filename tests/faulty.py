"""python faulty.py < JOB: tests on copies of a package, each with a fault; prints pytest's status of each.

Each runs in a process of its own, forked after the slow imports. The first of a package has no fault.
"""

import gc
import importlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


def main() -> None:
    """Read imports and jobs, dicts of a package, its folder and its faults, and print a list of statuses for each."""
    work = json.load(sys.stdin)
    for name in work["imports"]:
        importlib.import_module(name)
    gc.freeze()  # what is imported stays, so no child need look through it again
    print(json.dumps([run_job(**job) for job in work["jobs"]]))


def run_job(package: str, folder: str, faults: list[dict]) -> list[int]:
    """The status of all tests that the faults name, without a fault, then of each fault's test with that fault."""
    every = sorted({fault["test"] for fault in faults})
    statuses = [run_apart(Path(folder), package, None, every)]
    return statuses + [run_apart(Path(folder), package, fault, [fault["test"]]) for fault in faults]


def run_apart(folder: Path, package: str, fault: dict | None, tests: list[str]) -> int:
    """pytest's exit status for tests of a package with a fault, from a child process: 0 if they passed, 1 if not."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 99
    try:
        with tempfile.TemporaryDirectory() as place:
            status = run_tests(copy_package(folder, package, fault, Path(place)), tests)
    finally:
        sys.stdout.flush()
        os._exit(status)


def copy_package(folder: Path, package: str, fault: dict | None, place: Path) -> Path:
    """Copy a package to `place`, put the fault in, and return `place`. Raises ValueError if it does not fit.

    What lies beside the package (data, weights, other packages) is linked, for modules find it from where they are.
    """
    shutil.copytree(folder / package, place / package)
    for path in folder.iterdir():
        if path.name not in (package, "build") and not path.name.startswith("."):
            (place / path.name).symlink_to(path)
    if fault:
        path = place / package / fault["module"]
        code = path.read_text(encoding="utf-8")
        if code.count(fault["old"]) != 1:
            raise ValueError(f"{fault['module']} holds {fault['old']!r} {code.count(fault['old'])} times")
        path.write_text(code.replace(fault["old"], fault["new"]), encoding="utf-8")
    return place


def run_tests(place: Path, tests: list[str]) -> int:
    """pytest's exit status for tests that find their package in `place`."""
    sys.path.insert(0, str(place))
    os.dup2(os.open(os.devnull, os.O_WRONLY) if "--verbose" not in sys.argv else 2, 1)
    paths = [str(TESTS / test) for test in tests]
    return int(pytest.main(["-x", "-o", "addopts=", "-p", "coursework.testing", "-p", "no:cacheprovider", *paths]))


if __name__ == "__main__":
    main()
