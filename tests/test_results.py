"""The committed results: every file that they rest on is the one they name, and no headline was read from a record."""

import pytest

from coursework import records, rekey
from coursework.checkpoints import read_facts
from coursework.datasets import sha256
from coursework.fetching import needed
from coursework.provenance import listing_of, training_key
from coursework.weeks import all_weeks

RUNS = [
    pytest.param(week, source, run, id=f"{week.name}-{source}")
    for week in all_weeks()
    for source, run in records.read_results(week.results)["runs"].items()
]


@pytest.mark.parametrize(("week", "source", "run"), RUNS)
def test_a_run_names_the_files_as_they_are(week, source, run):
    assert source == run["data"]["name"]
    assert {path: sha256(week.folder / path) for path in run["digests"]} == run["digests"]
    weights = {path for path in run["digests"] if read_facts(week.folder / path)}
    assert run["training"]["files"] == {path: read_facts(week.folder / path)["training"] for path in weights}
    assert run["training"] == records.sum_trainings(run["training"]["files"])
    assert ("weights" in run["origins"].values()) is bool(weights)


@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_no_headline_was_read_from_a_record(week):
    results = records.read_results(week.results)
    assert results["runs"][results["headline"]]["origins"][week.headline] != "record"


@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_every_committed_training_is_named_by_a_run_and_its_items_are_listed(week):
    named = {path for run in records.read_results(week.results)["runs"].values() for path in run["digests"]}
    trained = rekey.stamped_files(week.folder)
    assert {path.relative_to(week.folder).as_posix() for path in trained} <= named
    assert (week.name in ("6W", "7W", "8W", "10W", "11W")) is bool(trained)
    listings = {listing_of(rekey.facts_of(path)["data"]) for path in trained}
    assert {f"trained_on/{path.name}" for path in week.folder.glob("trained_on/*")} == listings
    for path in trained:
        facts, data = rekey.facts_of(path), rekey.facts_of(path)["data"]
        assert facts["key"] == training_key(facts["settings"], facts["code"], data)
        assert len((week.folder / listing_of(data)).read_text().split()) == data["items"]


@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_weights_say_how_they_were_trained(week):
    for path in week.folder.glob("weights/**/*.safetensors"):
        facts = read_facts(path)
        assert {"architecture", "history", "training"} <= set(facts)
        assert facts["training"]["steps"] > 0
        assert facts["training"]["device"]


@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_every_metric_and_every_band_is_described(week):
    known = set(week.metrics)
    measured = {name for run in records.read_results(week.results)["runs"].values() for name in run["metrics"]}
    assert measured <= known
    assert set(week.tolerance) | set(week.retrained) <= known


def test_what_a_recorded_run_needs_is_known():
    """Every source of a committed run comes with this repository, or says which data sets it needs."""
    ours = {"covertype_10k", "mnist", "telco", "synthetic_cast", "synthetic_lesions", "drawn"}
    for week in all_weeks():
        for source in records.read_results(week.results)["runs"]:
            assert (source in ours) != bool(needed(week.name, source)), f"{week.name} on {source}"
