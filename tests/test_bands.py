"""Bands of metrics: what falls out is named; the committed records lie within; every notebook's record is looked at."""

import json
import subprocess
import sys

import pytest

from coursework import bands, records
from coursework.weeks import ROOT, all_weeks

WEEKS = all_weeks()


def test_what_is_missing_or_outside_is_named():
    metrics = {"accuracy": 0.5, "chance": 0.25, "loss": float("nan")}
    found = {"accuracy": ["chance", 1], "chance": [0.3, "accuracy"], "loss": [0, 9], "recall": [0, 1], "x": ["y", 1]}
    assert list(bands.outside(found, metrics)) == [
        "chance is 0.25, expected 0.3 to 0.5",
        "loss is nan, expected 0 to 9",
        "the metric recall was not recorded; record it in the notebook, or change bands.toml",
        "the metric x was not recorded; record it in the notebook, or change bands.toml",
    ]


def write_weights(path, losses):
    facts = json.dumps({"history": [{"loss": loss} for loss in losses]})
    header = json.dumps({"__metadata__": {"facts": facts}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def test_losses_that_do_not_fall_are_named(tmp_path):
    for name, losses in {"falls": [3, 4, 2], "rises": [3, 3, 4], "short": [3]}.items():
        write_weights(tmp_path / f"{name}.safetensors", losses)
    assert list(bands.rising_losses(tmp_path)) == [
        "rises.safetensors: the loss did not decrease during training: [3, 3, 4]"
    ]


def test_every_notebook_and_every_week_has_bands():
    assert set(bands.read_bands("tiny")) == {name for week in WEEKS for name in week.notebooks}
    assert set(bands.read_bands("committed")) == {week.name for week in WEEKS}


@pytest.mark.parametrize("week", WEEKS, ids=lambda week: week.name)
def test_committed_records_are_as_good_as_the_pages_say(week):
    every, seen = bands.read_bands("committed")[week.name], set()
    for run in records.read_results(week.results)["runs"].values():
        needed = {name: {name, *(end for end in ends if isinstance(end, str))} for name, ends in every.items()}
        there = {name: every[name] for name, names in needed.items() if names <= set(run["metrics"])}
        assert list(bands.outside(there, run["metrics"])) == []
        seen |= set(there)
    assert seen == set(every)


NOTEBOOK = {
    "cells": [],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
SAVE = """from coursework.records import Run
run = Run("2W", "rows", "some", 3, 0, {})
run.add(mnist01_cv_accuracy=0.99, mnist10_test_accuracy=0.1, exact_zeros=700, objective_gap=0.01)
run.save()"""


# pytest in a process of its own, with a build folder beside the notebooks instead of that of these tests.
RUN = """
import os, sys, pytest
from pathlib import Path
import coursework.testing
os.environ["COURSEWORK_BUILD"] = str(Path(sys.argv[1]).parents[1] / "build")
sys.exit(pytest.main(["-c", "pyproject.toml", "-n", "0", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_the_record_is_looked_at_after_the_last_cell(tmp_path):
    sources = {"2W_without": "1", "2W_bad": SAVE}
    paths = [tmp_path / folder / "logistic_regression.ipynb" for folder in sources]
    for path, source in zip(paths, sources.values(), strict=True):
        cell = {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        path.parent.mkdir()
        path.write_text(json.dumps(NOTEBOOK | {"cells": [cell]}))
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, paths)], cwd=ROOT, capture_output=True, text=True)
    assert "2 failed, 2 passed" in done.stdout, done.stdout
    assert "logistic_regression.ipynb has saved no record; a cell must call run.save()" in done.stdout
    assert "mnist10_test_accuracy is 0.1, expected 0.75 to 1" in done.stdout
