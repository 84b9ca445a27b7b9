"""Tests that can fail: small faults in each week and in `coursework`, every one of which must make a unit test fail."""

import json
import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from coursework.testing import guarded
from coursework.weeks import ROOT, all_weeks

MUTANTS = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text(encoding="utf-8"))
PACKAGES = {week.name: (week.package, week.folder) for week in all_weeks()} | {"coursework": ("coursework", ROOT)}
QUICK = 2  # of each run in `make test`, all others in `make test-all`
# What takes long to import, and holds no fault.
IMPORTS = ["torch", "torchvision", "accelerate", "sklearn.linear_model", "sklearn.metrics", "scipy.optimize", "pandas"]


def run_mutants(names: tuple[str, ...], part: slice) -> tuple[dict, str]:
    """pytest's status for each of these packages without a fault and with each of `part`, and what was printed."""
    faults = {name: dict(list(MUTANTS[name].items())[part]) for name in names}
    jobs = []
    for name, some in faults.items():
        package, folder = PACKAGES[name]
        jobs.append({"package": package, "folder": str(folder), "faults": list(some.values())})
    imports = IMPORTS + (["mmengine", "mmcv", "mmdet", "onnxruntime"] if "11W" in names else [])
    command = [sys.executable, str(ROOT / "tests" / "faulty.py")]
    env = guarded(dict(os.environ)) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # nbval takes seconds
    job = json.dumps({"imports": imports, "jobs": jobs})
    done = subprocess.run(command, input=job, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    statuses = {}
    for (name, some), found in zip(faults.items(), json.loads(done.stdout), strict=True):
        statuses[name] = dict(zip(("no fault", *some), found, strict=True))
    return statuses, done.stderr[-3000:]


@cache
def run_quick() -> tuple[dict, str]:
    """The quick ones of all packages, in one process: importing takes longer than testing."""
    return run_mutants(tuple(MUTANTS), slice(QUICK))


def test_every_package_has_its_faults():
    assert list(MUTANTS) == list(PACKAGES)
    assert all(len(faults) >= 5 for faults in MUTANTS.values())


@pytest.mark.parametrize("name", MUTANTS)
def test_two_faults_make_a_test_fail(name):
    statuses, printed = run_quick()
    assert statuses[name] == {"no fault": 0} | dict.fromkeys(list(MUTANTS[name])[:QUICK], 1), printed


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_every_other_fault_makes_a_test_fail(name):
    statuses, printed = run_mutants((name,), slice(QUICK, None))
    assert statuses[name] == {"no fault": 0} | dict.fromkeys(list(MUTANTS[name])[QUICK:], 1), printed
