"""Records: what is written, that it is whole, and that damaged ones are named."""

import json

import numpy as np
import pytest

from coursework import records


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    return tmp_path


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
    assert written["data"] == {"name": "rows", "source": "some rows", "items": 10}
    assert (written["profile"], written["seed"], written["from_record"]) == ("tiny", 42, [])


def test_the_first_run_stays_the_headline(build):
    make_run("first").save()
    make_run("second").save()
    results = records.read_results(build / "1W" / "tiny" / "results.json")
    assert results["headline"] == "first"
    assert set(results["runs"]) == {"first", "second"}


@pytest.mark.parametrize("value", [float("nan"), np.inf, "0.5", None])
def test_a_metric_must_be_a_finite_number(value):
    with pytest.raises(ValueError, match="metric accuracy"):
        make_run().add(accuracy=value)


def test_a_recalled_metric_is_marked(build):
    run = make_run()
    results = {"headline": "rows", "runs": {"rows": {"metrics": {"accuracy": 0.7}}}}
    assert run.recall("accuracy", results) == 0.7
    run.save()
    written = records.read_results(build / "1W" / "tiny" / "results.json")
    assert written["runs"]["rows"]["from_record"] == ["accuracy"]
    with pytest.raises(ValueError, match="no recorded run on rows has loss"):
        run.recall("loss", results)


def test_a_computed_metric_is_no_longer_recalled(build):
    run = make_run()
    run.recall("accuracy", {"headline": "rows", "runs": {"rows": {"metrics": {"accuracy": 0.7}}}})
    run.add(accuracy=0.8)
    assert run.recalled == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"runs": {"a": {}}}', '{"runs": 3}'])
def test_a_damaged_record_is_named(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"results\.json is not a record"):
        records.read_results(path)


def test_a_record_that_is_not_there_is_empty(tmp_path):
    assert records.read_results(tmp_path / "results.json") == {"headline": None, "runs": {}}


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(records.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        records.write_text(path, "new")
    assert path.read_text() == "old"


def test_a_build_folder_that_cannot_be_made_says_what_to_do(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("COURSEWORK_BUILD", str(blocked))
    with pytest.raises(PermissionError, match="set COURSEWORK_BUILD"):
        records.build_dir("1W")
