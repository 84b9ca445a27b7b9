"""The command line: mistakes end in one line that says what to do, and each command reaches its work."""

import pytest

from coursework.__main__ import build_parser, check_overrides, main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "4W"], "unknown week 4W; there are: 1W"),
        (["run", "--set", "speed=3"], "no selected week has a config field 'speed'. 1W: embedded, rows, "),
        (["run", "--set", "5W.rows=3"], "is not a week"),
        (["render", "1W", "--set", "rows"], "cannot read override 'rows'"),
        (["run", "1W", "--set", "row=3"], "no selected week has"),
        (["unpack", "no-such-folder"], "no-such-folder holds none of ph2.zip"),
    ],
)
def test_mistakes_are_named(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_reproduce_takes_the_overrides_of_the_record_only(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["reproduce", "1W", "--set", "rows=3"])
    assert "unrecognized arguments: --set rows=3" in capsys.readouterr().err


def test_an_unknown_profile_lists_the_three(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--profile", "huge"])
    assert "tiny" in capsys.readouterr().err


def test_an_unknown_profile_of_the_environment_is_named(monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_PROFILE", "huge")
    assert main(["run", "1W"]) == 2
    assert "unknown profile 'huge'" in capsys.readouterr().err


def test_check_passes_the_committed_notebooks(capsys):
    assert main(["check"]) == 0
    assert "pass the gate" in capsys.readouterr().out


def test_tables_are_up_to_date(capsys):
    assert main(["tables"]) == 0
    assert "all tables are up to date" in capsys.readouterr().out


def test_a_field_of_another_selected_week_is_fine(monkeypatch):
    monkeypatch.setattr("coursework.profile.all_weeks", lambda: [type("W", (), {"name": n}) for n in ("1W", "7W")])
    check_overrides("rows=3,epochs=2,7W.epochs=1", {"1W": ["rows"], "7W": ["epochs"]})
    with pytest.raises(ValueError, match="1W: rows; 7W: epochs"):
        check_overrides("1W.epochs=2", {"1W": ["rows"], "7W": ["epochs"]})


def test_help_names_every_command():
    text = build_parser().format_help()
    assert all(name in text for name in ("run", "render", "check", "reproduce", "tables", "unpack"))


def test_run_executes_this_week_at_tiny(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    assert main(["run", "1W", "--set", "rows=300,sizes=50:100"]) == 0
    assert "accuracy, nested 5-fold 0." in capsys.readouterr().out
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "1W" / "tiny" / "results.json").is_file()
