"""The set-up: what it installs, when it has nothing to do, and that the lock is what the constraints say."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from coursework import install
from coursework.weeks import ROOT, all_weeks

PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A set-up that installs nothing: the calls that it makes, in an environment of its own."""
    made = []
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(install, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(install, "DONE", tmp_path / "coursework.json")
    monkeypatch.setattr(install, "run", lambda *arguments: made.append(" ".join(arguments)))
    monkeypatch.setattr(install.venv, "create", lambda *_, **__: (made.append("new"), install.PYTHON.touch()))
    monkeypatch.delenv("UV_TORCH_BACKEND", raising=False)
    return made


def test_everything_is_installed_once(calls):
    assert install.main([]) == 0
    assert calls[0] == "new"
    assert "pip install" in calls[1]
    assert "--require-hashes" in calls[1]
    assert calls[2].endswith("-r requirements.txt -c requirements.lock")
    assert calls[3].endswith("--no-deps --no-build-isolation -e .")
    del calls[:]
    assert install.main([]) == install.main(["1W"]) == 0
    assert calls == []


def test_a_week_brings_what_it_needs_and_the_rest_comes_when_it_is_wanted(calls):
    assert install.main(["1W"]) == install.main(["1w"]) == install.main(["1W_ML_knn/"]) == 0
    assert calls.count("new") == 1
    assert calls[2].endswith("-r pyproject.toml --extra w1 setuptools -c requirements.lock")
    del calls[:]
    assert install.main(["3W"]) == 0
    assert "new" not in calls
    assert calls[1].endswith("-r pyproject.toml --extra w1 --extra w3 setuptools -c requirements.lock")
    assert install.main([]) == 0
    assert calls[-2].endswith("-r requirements.txt -c requirements.lock")


def test_changed_requirements_are_installed_into_the_same_environment(calls, monkeypatch):
    assert install.main(["1W"]) == 0
    del calls[:]
    monkeypatch.setattr(install, "sources_hash", lambda: "other")
    assert install.main(["2W"]) == 0
    assert "new" not in calls
    assert "--extra w1 --extra w2" in calls[1]


@pytest.mark.parametrize("spoilt", ["", "[]", '{"place": "elsewhere", "sources": "", "parts": ["all"]}'])
def test_an_environment_of_another_place_is_made_anew(calls, spoilt):
    install.PYTHON.touch()
    install.DONE.write_text(spoilt)
    assert install.main([]) == 0
    assert calls[0] == "new"


def test_a_set_up_that_failed_starts_over(calls, monkeypatch, capsys):
    def fail(*arguments):
        raise subprocess.CalledProcessError(7, ["python", *arguments])

    assert install.main(["1W"]) == 0
    monkeypatch.setattr(install, "run", fail)
    assert install.main([]) == 1
    assert "the set-up failed: -m pip install … ended with 7" in capsys.readouterr().err
    assert install.read_done() == {}


def test_torch_from_elsewhere_is_held_by_version_only(calls, monkeypatch):
    monkeypatch.setenv("UV_TORCH_BACKEND", "cpu")
    assert install.main([]) == 0
    assert calls[2].endswith("-r requirements.txt -c constraints.txt")


def test_an_unknown_week_is_named(calls, capsys):
    assert install.main(["4W"]) == 2
    weeks = ", ".join(week.name for week in all_weeks())
    assert capsys.readouterr().err == f"error: unknown week 4W; there are: {weeks}\n"
    assert calls == []


def test_other_pythons_are_refused(calls, monkeypatch, capsys):
    monkeypatch.setattr(install.sys, "version_info", (3, 14, 0))
    assert install.main([]) == 2
    assert "Python 3.11 to 3.13 is needed" in capsys.readouterr().err


def test_uv_is_installed_by_hash(tmp_path, monkeypatch):
    listed = []
    monkeypatch.setattr(install, "run", lambda *arguments: listed.append(Path(arguments[-1]).read_text()))
    install.install_uv()
    assert re.fullmatch(r"uv==[\d.]+ .*\\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", listed[0])


def test_the_lock_pins_what_the_constraints_pin_and_has_hashes():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z])", lock)
    assert all("--hash=sha256:" in block for block in blocks)
    pins = set(PIN.findall((ROOT / "constraints.txt").read_text(encoding="utf-8")))
    assert set(PIN.findall(lock)) <= {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in pins}


def test_weeks_are_those_of_the_folders():
    weeks = all_weeks()
    assert install.extras_of([week.name for week in weeks]) == [week.extra for week in weeks]
    assert json.dumps(install.read_project()["requires-python"]) == '">=3.11,<3.14"'
