"""What a browser shows: every notebook as a plain page, and JupyterLab running two of them. `make test-all` runs it."""

import base64
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from coursework.testing import tracked_files
from coursework.weeks import ROOT, all_weeks

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test-all brings it")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NOTEBOOKS = [(week.folder, name) for week in all_weeks() for name in week.notebooks]
WIDTH = 1280  # pixels
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def tab():
    """A page of a headless browser."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": WIDTH, "height": 900})
        browser.close()


@pytest.mark.parametrize(("folder", "name"), NOTEBOOKS, ids=lambda value: getattr(value, "name", value))
def test_a_notebook_is_a_page_without_scripts_or_styles(folder, name, tab, tmp_path):
    """As GitHub shows it: no JavaScript, no styles of its own; figures with something on them and words for them."""
    exporter = HTMLExporter(template_name="basic")
    body, _ = exporter.from_filename(str(folder / name))
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'><title>{name}</title><body>{body}</body>", encoding="utf-8")
    tab.route("http*://**", lambda route: route.abort())
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= WIDTH
    figures = tab.evaluate("[...document.images].filter(i => i.src.startsWith('data:')).map(i => [i.src, i.alt])")
    assert figures
    for source, alt in figures:
        assert len(alt) > len("Figure: ."), source[:60]
        assert "No description" not in alt
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("L"))
        assert pixels.std() > 1, f"a blank figure: {alt}"


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab, as `make lab` starts it, on a copy of the files; its address and the copy's folder."""
    copy = tmp_path / "copy"
    for path in tracked_files():
        if (ROOT / path).is_file():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, copy / path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=", "--allow-root"]
    env = dict(os.environ) | {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "COURSEWORK_BUILD": str(tmp_path / "build"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    with subprocess.Popen(command, cwd=copy, env=env, stderr=subprocess.DEVNULL, start_new_session=True) as server:
        yield f"http://127.0.0.1:{port}", copy
        os.killpg(server.pid, signal.SIGTERM)


def wait_for(condition, seconds: float, step: float = 0.3):
    """The first true answer of `condition`. Raises TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(step)
    raise TimeoutError(f"{condition.__name__} after {seconds:g} seconds")


def answers(address: str) -> bool:
    """Whether a server is there."""
    try:
        socket.create_connection(address.removeprefix("http://").split(":"), timeout=1).close()
    except OSError:
        return False
    return True


def restart_and_run_all(tab) -> None:
    """Choose it from the menu, and say yes; again if the page was still too busy to ask."""
    for _ in range(3):
        tab.click('.lm-MenuBar-itemLabel:text-is("Kernel")')
        tab.wait_for_timeout(500)
        tab.click('.lm-Menu-itemLabel:has-text("Restart Kernel and Run All Cells")')
        try:
            tab.click('.jp-Dialog button:has-text("Restart")', timeout=15_000)
            return
        except playwright.TimeoutError:
            tab.keyboard.press("Escape")
    raise TimeoutError("JupyterLab did not ask whether to restart")


@pytest.mark.parametrize(
    ("path", "bar"),
    [("1W_ML_knn/knn.ipynb", False), ("7W_semantic_segmentation/semantic_segmentation.ipynb", True)],
)
def test_restart_and_run_all(path, bar, tab, lab):
    """A student's first click: no error output, every cell run, and a progress bar that moves."""
    address, copy = lab
    wait_for(lambda: answers(address), 60)
    tab.goto(f"{address}/lab/tree/{path}")
    tab.wait_for_selector(".jp-Notebook", timeout=60_000)
    tab.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
    tab.wait_for_timeout(3000)  # the page is drawn before it listens
    restart_and_run_all(tab)
    tab.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
            for (const o of document.querySelectorAll('.jp-OutputArea-output')) {
                const found = o.textContent.match(/(\\d+)%\\|/); if (found) window.seen.push(found[1]); }
        }).observe(document.body, {childList: true, subtree: true, characterData: true}); }"""
    )

    def finished() -> bool:
        tab.keyboard.press("Control+s")
        tab.wait_for_timeout(1500)
        cells = [c for c in nbformat.read(copy / path, 4).cells if c.cell_type == "code"]
        counts = [cell.execution_count for cell in cells]
        errors = [o for cell in cells for o in cell.outputs if o.output_type == "error"]
        assert not errors, errors[0].get("traceback")
        busy = tab.query_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]') is None
        return not busy and counts == list(range(1, len(cells) + 1))

    wait_for(finished, 400)
    percent = tab.evaluate("[...new Set(window.seen)].map(Number)")
    assert not bar or len(percent) > 2, percent
    assert re.search("tiny", (copy / path).read_text(encoding="utf-8"))
