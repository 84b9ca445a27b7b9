"""Tests that `make test` leaves out: they need a browser or the package registry. `make test-all` runs them."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from coursework.__main__ import main
from coursework.weeks import ROOT

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def visit(page, tmp_path):
    """The page's text after a browser without network has drawn it."""
    command = [BROWSER, *QUIET, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120)
    return done.stdout


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_gallery_opens_from_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    assert main(["run", "1W", "--set", "rows=300,sizes=50:100"]) == 0
    gallery = visit(tmp_path / "build" / "index.html", tmp_path)
    assert "1W · knn.ipynb · tiny" in gallery
    (link,) = re.findall(r'<a class="passed" href="([^"]+)"', gallery)
    page = visit(tmp_path / "build" / link, tmp_path)
    assert "Which forest grows here?" in page
    assert page.count("<math") > 10


@pytest.mark.net
@pytest.mark.parametrize("version", ["3.11.0", "3.12.0", "3.13.0"])
def test_the_pinned_set_has_a_wheel_for_every_python(tmp_path, version):
    """pip looks every pin up for another Python, without installing. Two packages ship as source only."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # the guard rides on it
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith(("#", "onedl-mmcv==", "onedl-mmdetection=="))]
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--target", str(tmp_path), "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "install", *options, "--python-version", version, *pins]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
