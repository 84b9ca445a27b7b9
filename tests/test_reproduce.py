"""The promise of week 1: its committed record comes out again, metric by metric."""

from coursework.__main__ import main
from coursework.records import read_results
from coursework.weeks import find_week


def test_week_1_reproduces(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    status = main(["reproduce", "1W"])
    out = capsys.readouterr().out
    assert status == 0, out
    assert out.count("recomputed") >= 5
    last = out.rstrip().splitlines()[-1].split()
    metrics = len(read_results(find_week("1W").results)["runs"]["covertype_10k"]["metrics"])
    assert last == ["1W", "covertype_10k", str(metrics), "0", str(metrics), "0"]  # none from a record
