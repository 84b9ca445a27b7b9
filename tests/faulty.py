"""python faulty.py < JOB: tests of a week on copies of its package, each with a fault; prints pytest's status of each.

Each runs in a process of its own, forked after the slow imports. The first has no fault.
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
    """Read a job, a dict of package, its folder, imports and faults, and print a list of statuses."""
    job = json.load(sys.stdin)
    for name in job["imports"]:
        importlib.import_module(name)
    gc.freeze()  # what is imported stays, so no child need look through it again
    every = sorted({test for fault in job["faults"] for test in fault["tests"]})
    faults = [{"module": None, "tests": every}, *job["faults"]]
    print(json.dumps([run_apart(Path(job["folder"]), job["package"], fault) for fault in faults]))


def run_apart(folder: Path, package: str, fault: dict) -> int:
    """pytest's exit status for the tests of a fault: 0 if they passed, 1 if one failed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 99
    try:
        status = run_tests(folder, package, fault)
    finally:
        sys.stdout.flush()
        os._exit(status)


def run_tests(folder: Path, package: str, fault: dict) -> int:
    """Run the tests of a fault on a copy of the package that has it. Raises ValueError if it cannot be put in."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder / package, Path(copy) / package)
        if fault["module"]:
            path = Path(copy) / package / fault["module"]
            code = path.read_text(encoding="utf-8")
            if code.count(fault["old"]) != 1:
                raise ValueError(f"{fault['module']} holds {fault['old']!r} {code.count(fault['old'])} times")
            path.write_text(code.replace(fault["old"], fault["new"]), encoding="utf-8")
        sys.path.insert(0, copy)
        os.dup2(os.open(os.devnull, os.O_WRONLY) if "--verbose" not in sys.argv else 2, 1)
        paths = [str(TESTS / test) for test in fault["tests"]]
        return int(pytest.main(["-x", "-o", "addopts=", "-p", "coursework.testing", "-p", "no:cacheprovider", *paths]))


if __name__ == "__main__":
    main()
