"""The benchmark harness: ratios round by round, the verdict, and that it refuses to time different answers."""

import pytest

from benchmarks import __main__ as bench
from benchmarks.cases import Case, Timing, time_case


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
    text = bench.report([Timing(make_case(), [1.0, 1.0], [12.0, 12.0])])
    assert "| `ours_vs_theirs` | both | 1.00 | 12.00 | **12.0** | 0.0 | ≥ 10 | met |" in text
    assert "- `ours_vs_theirs`: ten rows." in text


def test_an_unknown_case_is_named(capsys):
    assert bench.main(["absent"]) == 2
    assert "unknown benchmark absent; there are: knn_grid_vs_gridsearchcv" in capsys.readouterr().err
