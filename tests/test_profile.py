"""Profiles and overrides: what the environment says reaches the config, and mistakes are named."""

import re
from dataclasses import dataclass, replace

import pytest

from coursework.__main__ import main
from coursework.profile import SETTINGS, load_config, overrides_for, parse_overrides, parse_value, profile_name
from coursework.testing import tracked_files
from coursework.weeks import ROOT

THIS = "tests/test_profile.py"  # misspells on purpose


@dataclass(frozen=True)
class Config:
    rows: int | None = None
    rate: float = 0.5
    fast: bool = False
    sizes: tuple[int, ...] = (1, 2)


CONFIGS = {"tiny": replace(Config(), rows=10), "sample": Config(), "full": Config()}


def test_default_profile_is_sample(monkeypatch):
    monkeypatch.delenv("COURSEWORK_PROFILE")
    assert profile_name() == "sample"


def test_unknown_profile_lists_the_three(monkeypatch):
    monkeypatch.setenv("COURSEWORK_PROFILE", "huge")
    with pytest.raises(ValueError, match=r"'huge'.*tiny, sample, full"):
        load_config("1W", CONFIGS)


@pytest.mark.fault(
    "a misspelt COURSEWORK_ variable", "an error with the name that was meant, in notebooks and commands"
)
def test_a_misspelt_setting_is_named(monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_PROFLIE", "full")
    words = "unknown environment variable COURSEWORK_PROFLIE; did you mean COURSEWORK_PROFILE? Known variables: "
    with pytest.raises(ValueError, match=re.escape(words)):
        load_config("1W", CONFIGS)
    for command in ("check", "tables", "run", "reproduce"):
        assert main([command]) == 2
        assert words in capsys.readouterr().err


def test_a_setting_unlike_any_lists_them_all(monkeypatch):
    monkeypatch.setenv("COURSEWORK_XYZZY", "")
    with pytest.raises(ValueError, match=rf"COURSEWORK_XYZZY; Known variables: {', '.join(SETTINGS)}$"):
        profile_name()


def test_every_setting_that_is_read_anywhere_is_known():
    """A name that ends in an underscore is only the start of one, as in this very file."""
    kinds = (".py", ".md", ".ipynb", ".yml", ".json", ".toml", "Makefile")
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in tracked_files() if path.endswith(kinds)}
    found = {
        name for path, text in texts.items() if path != THIS for name in re.findall(r"COURSEWORK_[A-Z_]*[A-Z]", text)
    }
    assert found <= set(SETTINGS)
    assert found >= set(SETTINGS) - {"COURSEWORK_REPRODUCE"}


def test_overrides_reach_the_config(monkeypatch):
    monkeypatch.setenv("COURSEWORK_SET", "rate=0.25, 1W.rows=7,fast=true,sizes=3:4:5")
    assert load_config("1W", CONFIGS) == Config(rows=7, rate=0.25, fast=True, sizes=(3, 4, 5))


def test_prefix_beats_bare_field_whatever_the_order():
    assert overrides_for("1W", "1W.rows=1,rows=2") == {"rows": "1"}


def test_prefix_of_another_week_is_left_to_it(monkeypatch):
    monkeypatch.setattr("coursework.profile.all_weeks", lambda: [type("W", (), {"name": n}) for n in ("1W", "7W")])
    assert overrides_for("1W", "7W.limit=3") == {}
    assert overrides_for("7W", "7w.limit=3") == {"limit": "3"}


def test_unknown_field_lists_the_fields(monkeypatch):
    monkeypatch.setenv("COURSEWORK_SET", "row=7")
    with pytest.raises(ValueError, match="no config field row; it has: rows, rate, fast, sizes"):
        load_config("1W", CONFIGS)


@pytest.mark.parametrize("text", ["rows", "rows=", "=3", ".rows=3", "9W.rows=3"])
def test_unreadable_override_is_named(text):
    with pytest.raises(ValueError, match="override"):
        parse_overrides(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", int, 3),
        ("0.5", float, 0.5),
        ("none", int | None, None),
        ("3", int | None, 3),
        ("False", bool, False),
        ("1:2", tuple[float, ...], (1.0, 2.0)),
        ("a", str, "a"),
    ],
)
def test_values_take_the_type_of_their_field(text, kind, value):
    assert parse_value("field", text, kind) == value


@pytest.mark.parametrize(("text", "kind"), [("3.5", int), ("yes", bool), ("x", float), ("1:b", tuple[int, ...])])
def test_value_of_another_type_is_named(text, kind):
    with pytest.raises(ValueError, match=r"field=.*expected"):
        parse_value("field", text, kind)
