"""Weeks side by side: all outcomes come back, errors and signals end all processes, no kernel is left."""

import os
import shutil
import signal
import time

import nbformat
import pytest
from nbformat import v4
from stub import make_course, start
from test_terminal import LONG, is_running, wait_for

from coursework import side_by_side

RECORD = """
from coursework.records import Run
machine = {"python": "3", "device": "cpu", "threads": 1, "cpu": "c", "precision": "p"}
run = Run("WEEK", "rows", "some rows", 3, 0, machine)
run.add(accuracy=0.5)
run.save()
import os
print(os.environ["OMP_NUM_THREADS"])
"""


def add_week(course, *sources):
    """A second week of the same kind as the first, with other cells."""
    folder = course / "2W_stub2"
    shutil.copytree(course / "1W_stub", folder)
    (folder / "stub").rename(folder / "stub2")
    text = (folder / "week.toml").read_text().replace('"1W"', '"2W"').replace('"stub"', '"stub2"').replace("w1", "w2")
    (folder / "week.toml").write_text(text)
    cells = [v4.new_markdown_cell("# Trial [![Open in Colab](a)](b)"), *map(v4.new_code_cell, sources)]
    nbformat.write(v4.new_notebook(cells=cells), folder / "trial.ipynb")
    return course


@pytest.fixture
def path(tmp_path):
    """PYTHONPATH of a course of two weeks."""
    return os.pathsep.join(str(tmp_path / name) for name in ("", "1W_stub", "2W_stub2"))


def run(course, path, cores="2"):
    with start(course, "run", PYTHONPATH=path, OMP_NUM_THREADS=cores) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out.decode(), err.decode()


def test_two_weeks_run_side_by_side_and_share_the_threads(tmp_path, path):
    course = add_week(make_course(tmp_path, RECORD.replace("WEEK", "1W")), RECORD.replace("WEEK", "2W"))
    status, out, err = run(course, path, cores="4")
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines() if "0.500" in line]
    assert [line[0] for line in lines] == ["1W", "2W"], "in the order of the course, whichever ended first"
    for week in ("1W", "2W"):
        assert '"2\\n"' in (course / "build" / week / "tiny" / "trial.ipynb").read_text()


def test_a_failing_week_does_not_stop_the_other(tmp_path, path):
    course = add_week(make_course(tmp_path, RECORD.replace("WEEK", "1W")), "1 / 0")
    status, out, err = run(course, path)
    assert (status, err) == (1, "")
    assert "2W_stub2/trial.ipynb: cell 2 failed:" in out
    assert "FAILED" in out
    assert "accuracy 0.500" in out


@pytest.mark.fault("a process that runs a week is killed", "the week is reported as failed; the others go on")
def test_a_killed_process_is_reported_and_the_others_go_on(tmp_path, path):
    killed = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    course = add_week(make_course(tmp_path, RECORD.replace("WEEK", "1W")), killed)
    status, out, err = run(course, path)
    assert (status, err) == (1, "")
    assert "2W_stub2/trial.ipynb: its process ended with -9" in out
    assert "accuracy 0.500" in out


@pytest.mark.fault("Ctrl-C or SIGTERM while weeks run side by side", "one line, status 130 or 143; no kernel is left")
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux which processes there are")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_kernels(tmp_path, path, number, status):
    course = add_week(make_course(tmp_path, LONG), LONG)
    pids = [course / name / "pid" for name in ("1W_stub", "2W_stub2")]
    with start(course, "run", PYTHONPATH=path, OMP_NUM_THREADS="2") as process:
        for pid in pids:
            wait_for(pid, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.decode().count("\n") == 1
    time.sleep(0.2)
    assert not any(is_running(int(pid.read_text())) for pid in pids)


@pytest.mark.parametrize(("cores", "free", "places"), [(8, 64, 8), (8, 7, 2), (2, 1, 1), (1, 64, 1)])
def test_memory_and_cores_decide_how_many(monkeypatch, cores, free, places):
    monkeypatch.setattr(side_by_side, "thread_count", lambda: cores)
    memory = type("Memory", (), {"available": free * 2**30})
    monkeypatch.setattr(side_by_side.psutil, "virtual_memory", lambda: memory)
    assert side_by_side.places("tiny") == places
    assert side_by_side.places("sample") == 1
