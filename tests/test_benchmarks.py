"""The benchmark harness: ratios round by round, the verdict, and that it refuses to time different answers."""

import json

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import reencoded, week2
from benchmarks.cases import Case, Timing, time_case
from benchmarks.rivals.logreg_textbook import TextbookLogisticRegression, generate_batches
from coursework import records
from coursework.weeks import find_week
from logreg.data import load_blobs
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum


@pytest.mark.parametrize("week", [find_week(name) for name in reencoded.PHOTOGRAPHS], ids=lambda week: week.name)
def test_a_run_on_saved_again_photographs_names_the_data_sets_of_the_record(week):
    headline = records.read_results(week.results)["headline"]
    assert headline in reencoded.recorded_sources(week, headline).split(",")


def make_case(target=10, agree=True):
    return Case("ours_vs_theirs", "both", "ten rows", target, lambda: 1, lambda: 2, lambda ours, theirs: agree)


@pytest.mark.parametrize(
    ("ours", "rival", "target", "verdict"),
    [
        ([1, 1, 1, 1, 1], [12, 12, 12, 12, 12], 10, "met"),
        ([1, 1, 1, 1, 1], [12, 13, 12, 12, 11], 10, "MISSED"),  # 12 - (13 - 11) is not above 10
        ([1, 1, 1, 1, 1], [9, 9, 9, 9, 9], 10, "MISSED"),
        ([1, 2, 1, 1, 1], [12, 24, 12, 12, 12], 10, "met"),  # a slow round slows both
        ([1, 1, 1, 1, 1], [2, 2, 2, 2, 2], None, "no target"),
    ],
)
def test_a_ratio_within_its_spread_of_the_target_is_missed(ours, rival, target, verdict):
    assert Timing(make_case(target), ours, rival).verdict == verdict


def test_both_run_in_turn_and_are_timed():
    timing = time_case(make_case(), rounds=3)
    assert len(timing.ours) == len(timing.rival) == len(timing.ratios) == 3


def test_different_answers_are_not_timed():
    with pytest.raises(RuntimeError, match="ours_vs_theirs: ours and the rival give different results"):
        time_case(make_case(agree=False))


def test_the_report_has_a_row_a_case():
    text = bench.report({"ours_vs_theirs": bench.summary(Timing(make_case(), [1.0, 1.0], [12.0, 12.0]), "a fast one")})
    assert "| `ours_vs_theirs` | both | 1.000 | 12.000 | **12.00** | 0.00 | ≥ 10 | met |" in text
    assert "- `ours_vs_theirs`: ten rows." in text
    assert "- `ours_vs_theirs`: on a fast one." in text


def test_a_case_that_was_not_timed_keeps_its_result(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    old, new = (bench.summary(Timing(make_case(), [1.0], [rival]), "here") for rival in (12.0, 20.0))
    bench.write_reports({"first": old, "second": old, "gone": old}, ["first", "second", "gone"])
    bench.write_reports({"second": new}, ["first", "second"])
    kept = json.loads((tmp_path / "results.json").read_text())
    assert {name: result["ratio"] for name, result in kept.items()} == {"first": 12.0, "second": 20.0}
    assert (tmp_path / "RESULTS.md").read_text().count("`first`") == 3


def test_the_committed_report_is_made_from_the_committed_results():
    results = json.loads((bench.FOLDER / "results.json").read_text())
    assert (bench.FOLDER / "RESULTS.md").read_text() == bench.report(results)


def test_an_unknown_case_is_named(capsys):
    assert bench.main(["absent"]) == 2
    assert "unknown benchmark absent; there are: knn_grid_vs_gridsearchcv" in capsys.readouterr().err


def test_the_textbook_rival_is_no_straw_man():
    """It minimises the same objective, and gets there."""
    X, y = load_blobs(2, 0, rows=2000)
    targets = y[:, None].astype(float)
    _, _, optimum = find_optimum(X, targets, 0.01, 0.5)
    np.random.seed(0)
    rival = TextbookLogisticRegression(0.01, 0.5, 0.1, 128, 100).fit(X, y)
    assert full_objective(X, targets, rival.coef_, rival.intercept_, 0.01, 0.5) / optimum - 1 < 0.01
    rows = np.concatenate([batch for _, batch in generate_batches(X, np.arange(2000), 128)])
    assert len(rows) == len(set(rows)) == 2000 // 128 * 128


def test_the_fastest_that_gets_there_is_chosen(monkeypatch):
    X, y = load_blobs(2, 0, rows=1000)
    _, _, optimum = find_optimum(X, y[:, None].astype(float), week2.ALPHA, week2.L1_RATIO)
    monkeypatch.setattr(week2, "load_rows", lambda: (X, y, optimum))

    def at_rate(rate):
        def build(epochs, seed):
            settings = {"max_epochs": epochs, "tol": None, "random_state": seed}
            return SGDLogisticRegression(week2.ALPHA, week2.L1_RATIO, rate, **settings)

        return build

    chosen = week2.fastest([at_rate(1e-6), at_rate(0.05), at_rate(1e-5)], (2, 30, 60))
    assert chosen.learning_rate == 0.05
    assert week2.both_close(chosen.fit(X, y), chosen)
    with pytest.raises(RuntimeError, match="none of 1 settings comes within 1%"):
        week2.fastest([at_rate(1e-6)], (1, 2))
