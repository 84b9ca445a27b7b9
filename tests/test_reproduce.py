"""Reproduction: everything that a record says is compared, and what was not recomputed is never called equal."""

import json
import math
import os
from dataclasses import replace

import pytest
from trial import COVER, no_overrides, record, write

from coursework import commands, notebooks, records, reproduce

FILE = """
from pathlib import Path
from coursework.datasets import sha256
path = Path("weights.bin") if Path("weights.bin").exists() else None
facts = {"origin": "ORIGIN", "digests": {"weights.bin": sha256(path)} if path else {}, "differing": 0}
run.add(run.use(facts), quoted=QUOTED)
run.save()
"""
OTHER = """
import os
SOURCE = "other" if "sources=other" in os.environ["COURSEWORK_SET"] else "rows"
"""
TRAINING = {"minutes": 2.5, "device": "a GPU", "steps": 100}


def rendered(week, *sources):
    """Render a notebook of these sources, and return its committed results."""
    write(week, *sources, COVER)
    assert commands.render([week], "sample", no_overrides) == 0
    return records.read_results(week.results)


def forge(week, change):
    """Change the committed run on "rows" by a function."""
    results = json.loads(week.results.read_text())
    change(results["runs"]["rows"])
    week.results.write_text(json.dumps(results))


def test_on_the_same_machine_nothing_may_differ(week, capsys):
    rendered(week, record(0.5))
    write(week, record(0.5), COVER)
    assert reproduce.reproduce([week], no_overrides) == 0
    assert "1 of 1 equal" in capsys.readouterr().out
    write(week, record(0.505), COVER)
    assert reproduce.reproduce([week], no_overrides) == 1
    assert "± 0" in (out := capsys.readouterr().out)
    assert "0 of 1 equal" in out
    assert "DIFFERS" in out


def make_run(accuracy=0.5, origin="computed", **changes):
    """A run as it stands in results.json."""
    data = {"name": "rows", "source": "some rows", "items": 3, "differing": 0}
    facts = {"profile": "sample", "overrides": "", "seed": 0, "digests": {}, "environment": {"cpu": "c"}, "data": data}
    training = {"training": records.sum_trainings({})}
    return {"metrics": {"accuracy": accuracy}, "origins": {"accuracy": origin}, **facts, **training, **changes}


def make_trained(training=TRAINING, **changes):
    """A run that loaded one file of weights."""
    path = "weights/net.safetensors"
    return make_run(digests={path: "d"}, training=records.sum_trainings({path: training}), **changes)


@pytest.mark.parametrize(("again", "verdict"), [(0.5, "equal"), (0.505, "within tolerance"), (0.52, "DIFFERS")])
@pytest.mark.parametrize(
    "change",
    [
        {"environment": {"cpu": "another"}},
        {"data": {"name": "rows", "source": "some rows", "items": 3, "differing": 2}},
    ],
)
def test_on_another_machine_or_another_copy_of_the_data_the_weeks_band_holds(week, capsys, change, again, verdict):
    comparison = reproduce.compare(week, make_run(again, **change), make_run())
    assert [(row.verdict, row.allowed) for row in comparison.rows] == [(verdict, 0.01)]
    assert comparison.failed is (verdict == "DIFFERS")
    assert "another machine, other versions or other data" in capsys.readouterr().out


def test_only_what_is_equal_to_the_last_bit_is_called_equal(week):
    names = ("accuracy", "f1")
    again, then = (
        make_run(**{key: dict.fromkeys(names, value) for key, value in (("metrics", 0.5), ("origins", "computed"))})
        for _ in range(2)
    )
    again["metrics"]["accuracy"], again["environment"] = 0.505, {"cpu": "another"}
    assert reproduce.compare(week, again, then).counts()[2] == "1 of 2 equal, 1 within tolerance"


@pytest.mark.parametrize("changes", [{"source": "other words"}, {"differing": 2}])
def test_a_changed_description_of_the_data_does_not_loosen_the_tolerance(week, changes):
    comparison = reproduce.compare(week, make_run(0.505), make_run(data=make_run()["data"] | changes))
    assert [(row.verdict, row.allowed) for row in comparison.rows] == [("DIFFERS", 0.0)]


@pytest.mark.parametrize("retrain", [False, True])
@pytest.mark.parametrize("values", [(0.5, math.nan), (math.nan, 0.5), (math.nan, math.nan)])
def test_nan_is_never_equal(week, values, retrain):
    now, then = (make_run(value) for value in values)
    assert reproduce.compare(week, now, then, retrain).failed


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": 7}, "seed: recorded 7, now 0"),
        ({"data": make_run()["data"] | {"items": 4}}, "items: recorded 4, now 3"),
        ({"data": make_run()["data"] | {"name": "columns"}}, "data: recorded 'columns', now 'rows'"),
        ({"data": make_run()["data"] | {"generator": "a"}}, "generator of the data: recorded 'a', now None"),
        ({"overrides": "rows=5"}, "overrides: recorded {'rows': '5'}, now {}"),
        ({"profile": "full"}, "profile: recorded 'full', now 'sample'"),
    ],
)
def test_seed_items_data_overrides_and_profile_are_compared(week, change, complaint):
    comparison = reproduce.compare(week, make_run(), make_run(**change))
    assert comparison.complaints == [complaint]
    assert comparison.failed


def test_the_recorded_training_is_that_of_the_weights(week):
    forged = make_trained({"minutes": 0.1, "device": "a toaster", "steps": 3})
    complaints = reproduce.compare(week, make_trained(), forged).complaints
    assert [complaint.partition(":")[0] for complaint in complaints] == [
        "training of weights/net.safetensors",
        "training, minutes",
        "training, device",
        "training, steps",
    ]
    total = make_trained()
    total["training"] = total["training"] | {"minutes": 0.1}
    assert reproduce.compare(week, make_trained(), total).complaints == ["training, minutes: recorded 0.1, now 2.5"]
    assert not reproduce.compare(week, make_trained(), make_trained()).failed
    assert reproduce.compare(week, make_run(), make_trained()).failed


def test_a_training_that_is_part_of_the_run_may_take_other_time(week):
    now, then = (make_trained(TRAINING | {"minutes": minutes}) | {"digests": {}} for minutes in (3.0, 2.5))
    assert not reproduce.compare(week, now, then).failed
    assert not reproduce.compare(week, now, make_trained(), retrain=True).failed


@pytest.mark.parametrize("origins", [("computed", "weights"), ("weights", "record"), ("record", "computed")])
def test_origins_are_compared_but_a_training_that_is_repeated_may_be_stronger(week, origins):
    now, then = (make_run(origin=origin) for origin in origins)
    assert [row.verdict for row in reproduce.compare(week, now, then).rows] == ["OTHER ORIGIN"]
    again = reproduce.compare(week, make_run(origin="computed"), then, retrain=True)
    assert not again.failed


def test_the_recorded_overrides_are_repeated_and_no_others(week, monkeypatch):
    monkeypatch.setenv("COURSEWORK_SET", "rows=7")
    write(week, "import os; print(os.environ['COURSEWORK_SET'])", record(0.5), COVER)
    commands.render([week], "sample", lambda _: "rows=300")
    assert reproduce.reproduce([week], no_overrides) == 0
    again = notebooks.read_notebook(records.build_dir("1W", "sample") / "trial.ipynb")
    assert again.cells[1].outputs[0].text == "rows=300\n"


def render_two_groups(week):
    """Render a run on "rows" and, with an override, the headline run on "other"."""
    write(week, OTHER, record(0.5).replace('"rows"', "SOURCE"), COVER)
    for overrides in ("", "sources=other"):
        assert commands.render([week], "sample", lambda _, text=overrides: text) == 0
    assert records.read_results(week.results)["headline"] == "other"


def test_every_recorded_run_is_repeated_with_its_overrides(week, capsys):
    render_two_groups(week)
    capsys.readouterr()
    assert reproduce.reproduce([week], no_overrides) == 0
    out = capsys.readouterr().out
    assert out.count("running") == 2
    assert out.count("1 of 1 equal") == 2


def test_a_forged_run_besides_the_headline_is_found(week, capsys):
    render_two_groups(week)
    forge(week, lambda run: run["metrics"].update(accuracy=0.9))
    assert reproduce.reproduce([week], no_overrides) == 1
    out = capsys.readouterr().out
    assert "DIFFERS" in out.split("1W on rows", 1)[1].split("1W on other", 1)[0]


def test_a_metric_from_a_record_is_never_called_equal(week, capsys):
    quoting = record(0.5) + FILE.replace("ORIGIN", "record").replace("QUOTED", "0.25")
    rendered(week, quoting)
    assert reproduce.reproduce([week], no_overrides) == 0
    out = capsys.readouterr().out
    assert "not recomputed" in out.split("quoted", 1)[1].splitlines()[0]
    summary = out.rsplit("week", 1)[1]
    assert "1 of 1 equal" in summary
    assert "1 not recomputed" in summary


def test_a_changed_file_fails_before_anything_is_run(week, capsys):
    (week.folder / "weights.bin").write_bytes(b"as trained")
    results = rendered(week, record(0.5) + FILE.replace("ORIGIN", "weights").replace("QUOTED", "0.25"))
    assert set(results["runs"]["rows"]["digests"]) == {"weights.bin"}
    assert reproduce.reproduce([week], no_overrides) == 0
    (week.folder / "weights.bin").write_bytes(b"forged")
    capsys.readouterr()
    assert reproduce.reproduce([week], no_overrides) == 1
    out = capsys.readouterr().out
    assert "1W_trial/weights.bin has SHA-256" in out
    assert "running" not in out
    (week.folder / "weights.bin").unlink()
    assert reproduce.reproduce([week], no_overrides) == 1
    out = capsys.readouterr().out
    assert "1W_trial/weights.bin is missing; restore it from git" in out
    assert "running" not in out


def test_a_file_that_the_record_does_not_name_is_named(week, capsys):
    (week.folder / "weights.bin").write_bytes(b"as trained")
    rendered(week, record(0.5) + FILE.replace("ORIGIN", "weights").replace("QUOTED", "0.25"))
    forge(week, lambda run: run["digests"].clear())
    assert reproduce.reproduce([week], no_overrides) == 1
    assert "weights.bin was used, but its SHA-256 is not the one in the record" in capsys.readouterr().out


def test_it_does_not_go_on_from_what_a_killed_run_left(week):
    rendered(week, record(0.5))
    left = records.build_dir("1W", "sample")
    (left / "results.json").unlink()
    (left / "steps").write_text("half")
    assert reproduce.reproduce([week], no_overrides) == 0
    assert not (left / "steps").exists()


def test_the_headline_must_be_recomputed(week, capsys):
    rendered(week, record(0.5))
    write(week, record(0.5).replace("run.add(", 'run.add("record", '), COVER)
    forge(week, lambda run: run["origins"].update(accuracy="record"))
    assert reproduce.reproduce([week], no_overrides) == 1
    assert "the headline accuracy was read from a record, not recomputed" in capsys.readouterr().out


def test_kernels_know_that_they_reproduce_and_that_they_retrain(week):
    write(
        week, "import os; print(*(os.environ['COURSEWORK_' + n] for n in ('REPRODUCE', 'PROFILE')))", record(0.5), COVER
    )
    commands.render([week], "sample", no_overrides)
    for retrain, profile, printed in ((False, "sample", "rows sample\n"), (True, "released", "rows released\n")):
        assert reproduce.reproduce([week], no_overrides, retrain) == 0
        again = notebooks.read_notebook(records.build_dir("1W", profile) / "trial.ipynb")
        assert again.cells[1].outputs[0].text == printed
    assert not os.environ.get("COURSEWORK_REPRODUCE")


@pytest.mark.parametrize(
    ("band", "verdict"),
    [({}, "no tolerance stated"), ({"accuracy": 0.1}, "within tolerance"), ({"accuracy": 0.01}, "DIFFERS")],
)
@pytest.mark.parametrize("elsewhere", [{"training": {"device": "a CPU"}}, {"environment": {"cpu": "another"}}])
def test_a_training_elsewhere_is_compared_within_the_band_for_retraining(week, elsewhere, band, verdict):
    then, now = make_trained(accuracy=0.5, origin="weights"), make_trained(accuracy=0.55) | elsewhere
    comparison = reproduce.compare(replace(week, retrained=band), now, then, retrain=True)
    assert [row.verdict for row in comparison.rows] == [verdict]
    assert comparison.failed is (verdict != "within tolerance")


@pytest.mark.parametrize("origin", ["weights", "record"])
@pytest.mark.parametrize(("again", "verdict"), [(0.5, "equal"), (0.505, "DIFFERS")])
def test_a_training_on_the_same_machine_must_be_equal_to_the_last_bit(week, origin, again, verdict):
    banded = replace(week, retrained={"accuracy": 0.1})
    then, now = make_trained(accuracy=0.5, origin=origin), make_trained(accuracy=again)
    assert [row.verdict for row in reproduce.compare(banded, now, then, retrain=True).rows] == [verdict]


def test_retrain_itself_is_no_other_setting(week):
    assert not reproduce.compare(week, make_run(overrides="retrain=true"), make_run(), retrain=True).failed


@pytest.mark.parametrize("gone", ["rows", "other"])
def test_it_fails_if_a_recorded_source_is_gone(week, capsys, gone):
    cells = {source: record(0.5).replace("rows", source) for source in ("rows", "other")}
    rendered(week, *cells.values())
    write(week, *(cell for source, cell in cells.items() if source != gone), COVER)
    assert reproduce.reproduce([week], no_overrides) == 1
    assert f"1W on {gone}: this recorded run was not computed again" in capsys.readouterr().out


@pytest.mark.parametrize("retrain", [False, True])
def test_without_the_recorded_data_nothing_is_trained(week, capsys, tmp_path, retrain):
    rendered(week, record(0.5))
    training = f"open({str(tmp_path / 'trained')!r}, 'w').close()"
    write(week, record(0.5).replace('"rows"', '"other"'), training, COVER)
    assert reproduce.reproduce([week], no_overrides, retrain) == 1
    assert "this run is on other, but the record is about rows: " in capsys.readouterr().out
    assert not (tmp_path / "trained").exists()


def test_runs_without_their_data_are_skipped_on_request_and_nothing_else_is(week, capsys, monkeypatch):
    rendered(week, record(0.5))
    data_set = type("Set", (), {"name": "ROWS", "is_there": staticmethod(lambda: False)})
    monkeypatch.setattr(reproduce, "needed", lambda name, source: [data_set] * ((name, source) == ("1W", "rows")))
    write(week, record(0.6), COVER)
    capsys.readouterr()
    assert reproduce.reproduce([week], no_overrides, skip=True) == 0
    assert capsys.readouterr().out == "1W on rows: skipped; not in the data folder: ROWS\n"
    assert reproduce.reproduce([week], no_overrides) == 1
    data_set.is_there = staticmethod(lambda: True)
    assert reproduce.reproduce([week], no_overrides, skip=True) == 1


def test_it_misses_a_metric_that_is_gone(week, capsys):
    rendered(week, record(0.5).replace("run.save()", "run.add(loss=1); run.save()"))
    write(week, record(0.5), COVER)
    assert reproduce.reproduce([week], no_overrides) == 1
    assert "MISSING" in capsys.readouterr().out


def test_it_says_when_there_is_nothing_to_compare(week, capsys):
    write(week, record(0.5), COVER)
    assert reproduce.reproduce([week], no_overrides) == 2
    assert "no run is recorded" in capsys.readouterr().out


def test_it_fails_if_a_notebook_records_nothing(week, capsys):
    rendered(week, record(0.5))
    write(week, "1")
    assert reproduce.reproduce([week], no_overrides) == 1
    assert "recorded nothing" in capsys.readouterr().out
