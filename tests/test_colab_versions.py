"""The weeks under what Colab ships: its versions stay, and weeks 1 to 3 run on them."""

import json
import os
import subprocess
import sys
import tomllib
import venv

import pytest
from colab.refresh import PATH, refresh

from coursework.weeks import ROOT, all_weeks

PINS = dict(line.split("==") for line in PATH.read_text(encoding="utf-8").splitlines() if "==" in line)
SOURCE_ONLY = ("onedl-mmcv", "onedl-mmdetection")  # pip cannot look these up for another Python
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment():
    """This process's, with the package registry open and nothing of the course in it."""
    closed = ("COURSEWORK", "PYTHONPATH")  # the guard rides on the latter
    return {name: value for name, value in os.environ.items() if not name.startswith(closed)}


@pytest.mark.net
@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_what_colab_ships_stays(week, tmp_path):
    wanted = EXTRAS["dependencies"] + EXTRAS["optional-dependencies"][week.extra]
    wanted = [name for name in wanted if not name.startswith(SOURCE_ONLY)]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    command += ["--target", str(tmp_path), "--only-binary", ":all:", "--python-version", "3.13", "-c", str(PATH)]
    done = subprocess.run([*command, *wanted], env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {row["metadata"]["name"].lower(): row["metadata"]["version"] for row in json.loads(done.stdout)["install"]}
    assert {name: version for name, version in found.items() if name in PINS}.items() <= PINS.items()
    assert {"numpy", "pandas"} <= set(found)


@pytest.mark.net
def test_the_first_weeks_run_on_what_colab_ships(tmp_path):
    venv.create(tmp_path / "there", with_pip=True)
    python = tmp_path / "there" / "bin" / "python"
    shared = [f"{name}=={PINS[name]}" for name in ("numpy", "pandas", "scikit-learn")]
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *shared, "setuptools>=68"]
    subprocess.run(install, env=environment(), check=True, timeout=900)
    project = ["--no-build-isolation", "-e", f"{ROOT}[w1,w2,w3]", *shared]
    subprocess.run([*install[:6], *project], env=environment(), check=True, timeout=900)
    env = environment() | {"COURSEWORK_BUILD": str(tmp_path / "build"), "COURSEWORK_PROFILE": "tiny"}
    command = [python, "-m", "coursework", "run", "1W", "2W", "3W"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:]
    versions = [
        python,
        "-c",
        "import numpy, pandas, sklearn as s; print(numpy.__version__, pandas.__version__, s.__version__)",
    ]
    told = subprocess.run(versions, env=env, capture_output=True, text=True, check=True).stdout.split()
    assert told == [PINS[name] for name in ("numpy", "pandas", "scikit-learn")]


def test_published_versions_are_taken_and_a_missing_one_is_named():
    published = "# made by pip\nNumPy==9.1\ntorch @ file:///wheels/torch-3.0.1%2Bcu1-cp313.whl#sha256=1\nx==1\n"
    assert refresh("# a list\nnumpy==1\ntorch==2\n", published) == "# a list\nnumpy==9.1\ntorch==3.0.1\n"
    with pytest.raises(ValueError, match="no pandas any more"):
        refresh("pandas==1\n", published)
