"""Fixtures that more than one file of tests uses."""

import pytest

from coursework import gallery, readme
from coursework.weeks import Week


@pytest.fixture
def week(tmp_path, monkeypatch):
    """A week of its own in a temporary folder, whose build folder lies there too."""
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr(readme, "write_readmes", list)
    folder = tmp_path / "1W_trial"
    folder.mkdir()
    text = {"en": {"task": "try", "data": "rows", "model": "m", "headline": "accuracy", "original": "-"}}
    week = Week("1W", folder, "knn", "w1", ("trial.ipynb",), "accuracy", {}, text, {"accuracy": 0.01})
    monkeypatch.setattr(gallery, "all_weeks", lambda: [week])
    return week
