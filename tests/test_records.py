"""Records: what is written, that it is whole, and that damaged ones are named."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from coursework import records


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    return tmp_path


def weights(name, minutes, origin="weights"):
    """What `obtain` says of a file of weights."""
    training = {"minutes": minutes, "device": "a GPU", "steps": 10 * minutes}
    about = {"digests": {f"weights/{name}": f"sha of {name}"}, "differing": minutes, "architecture": "…"}
    return about | {"origin": origin, "training": training}


def make_run(source="rows"):
    return records.Run("1W", source, "some rows", 10, 42, {"python": "3"})


def test_a_run_is_written_below_build(build):
    run = make_run()
    run.add(accuracy=np.float64(0.5), k=np.int64(4))
    run.save()
    results = json.loads((build / "1W" / "tiny" / "results.json").read_text())
    assert results["headline"] == "rows"
    written = results["runs"]["rows"]
    assert written["metrics"] == {"accuracy": 0.5, "k": 4}
    assert written["data"] == {"name": "rows", "source": "some rows", "items": 10, "differing": 0}
    assert (written["profile"], written["seed"]) == ("tiny", 42)
    assert written["origins"] == {"accuracy": "computed", "k": "computed"}
    assert written["training"] == {"minutes": 0, "device": "", "steps": 0, "files": {}}


def test_the_first_run_stays_the_headline(build):
    make_run("first").save()
    make_run("second").save()
    results = records.read_results(build / "1W" / "tiny" / "results.json")
    assert results["headline"] == "first"
    assert set(results["runs"]) == {"first", "second"}


def test_runs_that_are_saved_at_once_are_all_kept(build, monkeypatch):
    slow = records.read_leftover

    def read_slowly(path):
        found = slow(path)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(records, "read_leftover", read_slowly)
    names = {f"source {number}" for number in range(6)}
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: make_run(name).save(), names))
    assert set(records.read_results(build / "1W" / "tiny" / "results.json")["runs"]) == names


def test_other_metrics_on_the_same_source_are_added_and_the_same_ones_replaced(build):
    for metrics, used in (({"small": 1.0}, [weights("a", 3)]), ({"large": 2.0}, [weights("a", 3), weights("b", 5)])):
        run = make_run()
        run.add(run.use(*used), **metrics)
        run.started = run.started - 60
        run.save()
    both = records.read_results(build / "1W" / "tiny" / "results.json")["runs"]["rows"]
    assert both["metrics"] == {"small": 1.0, "large": 2.0}
    assert both["origins"] == {"small": "weights", "large": "weights"}
    assert both["digests"] == {"weights/a": "sha of a", "weights/b": "sha of b"}
    assert (both["training"]["minutes"], both["training"]["steps"]) == (8, 80)  # what both have used counts once
    assert both["minutes"] == pytest.approx(2, abs=0.05)
    again = make_run()
    again.add(small=3.0)
    again.save()
    alone = records.read_results(build / "1W" / "tiny" / "results.json")["runs"]["rows"]
    assert (alone["metrics"], alone["minutes"]) == ({"small": 3.0}, 0.0)


@pytest.mark.parametrize("value", [float("nan"), np.inf, "0.5", None])
def test_a_metric_must_be_a_finite_number(value):
    with pytest.raises(ValueError, match="metric accuracy"):
        make_run().add(accuracy=value)


def test_while_results_are_reproduced_a_run_on_other_data_is_refused(monkeypatch):
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "rows,columns")
    assert make_run("columns").source == "columns"
    with pytest.raises(ValueError, match=r"on row, but the record is about rows, columns: .* the README of 1W says"):
        make_run("row")


def test_a_metric_has_the_weakest_origin_of_what_it_rests_on(build):
    run = make_run()
    record = {"digests": {"runs/c.json": "sha of c"}, "differing": 0, "origin": "record", "training": {}}
    assert run.use() == "computed"
    assert run.use(weights("a", 3, "computed")) == "computed"
    assert run.use(weights("a", 3), weights("b", 5, "computed")) == "weights"
    assert run.use(record, weights("a", 3)) == "record"
    run.add("record", rival=0.4)
    run.add(rival=0.5)  # now it is computed
    run.save()
    (saved,) = records.read_results(build / "1W" / "tiny" / "results.json")["runs"].values()
    assert saved["origins"] == {"rival": "computed"}
    assert saved["digests"] == {"runs/c.json": "sha of c", "weights/a": "sha of a"}  # b was trained in this run
    assert set(saved["training"]["files"]) == {"weights/a", "weights/b"}
    assert saved["data"]["differing"] == 5
    with pytest.raises(ValueError, match="unknown origin 'recalled'; there are: computed, weights, record"):
        run.add("recalled", rival=0.5)


@pytest.mark.parametrize(("origin", "of_history"), [("computed", "computed"), ("weights", "record")])
def test_a_history_that_was_not_made_in_this_run_is_a_record(origin, of_history):
    assert records.history_origin({"origin": origin}) == of_history


DAMAGED = [
    "",
    "{",
    "[]",
    '{"runs": 3}',
    '{"runs": {}}',
    '{"headline": "a", "runs": {}}',
    '{"headline": "a", "runs": {"a": {}}}',
    '{"headline": "a", "runs": {"a": {"profile": "tiny", "data": {"name": "a"}, "metrics": {}}}}',
]
WHOLE = {key: {} for key in records.RUN_KEYS} | {"data": {"name": "a", "source": "", "items": 1}}
NO_NUMBERS = [({"x": value}, {"x": "computed"}) for value in (float("nan"), float("inf"), "0.5", None)]
for metrics, origins in (({"x": 1}, {}), ({"x": 1}, {"x": "guessed"}), ({}, {"x": "computed"}), *NO_NUMBERS):
    run = WHOLE | {"metrics": metrics, "origins": origins}
    DAMAGED.append(json.dumps({"headline": "a", "runs": {"a": run}}))


@pytest.mark.fault("a damaged results.json", "an error that names the file")
@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_named(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"results\.json is not a record"):
        records.read_results(path)


def test_a_damaged_leftover_does_not_cost_a_finished_run(build):
    path = records.build_dir("1W") / "results.json"
    path.write_text("{")
    make_run().save()
    assert records.read_results(path)["headline"] == "rows"


def test_a_record_that_is_not_there_is_empty(tmp_path):
    assert records.read_results(tmp_path / "results.json") == {"headline": None, "runs": {}}


@pytest.mark.fault(
    "disk full while a record is written",
    "the error is raised; the old record stays intact, and no partial file is left",
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(records.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        records.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_build_folder_that_cannot_be_made_says_what_to_do(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("COURSEWORK_BUILD", str(blocked))
    with pytest.raises(PermissionError, match="set COURSEWORK_BUILD"):
        records.build_dir("1W")


def test_an_empty_build_variable_is_no_folder(monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", "")
    assert records.build_root() == records.ROOT / "build"


AS_NOBODY = """
import os
from coursework.records import build_dir
os.setgid(65534); os.setuid(65534)
try:
    build_dir("1W")
except PermissionError as error:
    print(error)
"""


@pytest.mark.fault("read-only build folder", "one line that says to set COURSEWORK_BUILD")
@pytest.mark.root
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become nobody")
def test_a_read_only_folder_says_what_to_do(tmp_path):
    folder = tmp_path / "build" / "1W" / "tiny"
    folder.mkdir(parents=True)
    for path in (tmp_path, *tmp_path.parents[:2], folder.parents[1], folder.parents[0], folder):
        path.chmod(0o755)
    env = dict(os.environ) | {"COURSEWORK_BUILD": str(tmp_path / "build")}
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], env=env, cwd=records.ROOT, capture_output=True, text=True)
    assert "set COURSEWORK_BUILD to a folder of yours" in done.stdout, done.stderr
