"""The promise of week 1: its committed record comes out again, metric by metric."""

from coursework.__main__ import main


def test_week_1_reproduces(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    status = main(["reproduce", "1W"])
    out = capsys.readouterr().out
    assert status == 0, out
    assert out.count("recomputed") >= 5
    assert "from record" not in out
