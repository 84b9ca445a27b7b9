"""The commands in processes of their own: any encoding of the terminal, Ctrl-C, SIGTERM, a kernel that is not there."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from stub import call, make_course, start

from coursework.terminal import load
from coursework.testing import tracked_files
from coursework.weeks import ROOT

ENCODINGS = ("iso-8859-1", "koi8-r")
RECORD = """
from coursework.records import Run, build_dir
run = Run("1W", "rows ± · …", "some rows", 3, 0, {"python": "3", "device": "cpu", "threads": 1, "cpu": "c"})
run.add(accuracy=0.5)
run.save()
print("±", "·", "…")
"""
# Trains: one step is there, and the next takes longer than anyone waits. Its own process's number tells who it is.
LONG = """
import os, time
from pathlib import Path
from coursework.records import build_dir
(build_dir("1W") / "steps").write_text("one")
Path("pid").write_text(str(os.getpid()))
time.sleep(300)
"""

# Does not end when it is interrupted.
STUBBORN = """
while True:
    try:
        time.sleep(300)
    except KeyboardInterrupt:
        pass
"""


@pytest.mark.fault("a terminal whose encoding lacks a character that is printed", "a question mark in its place")
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["check", "1W"], 0), (["tables"], 0), (["run", "9W"], 2)],
)
def test_commands_print_in_any_encoding(encoding, arguments, status):
    env = dict(os.environ) | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "coursework", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_prints_in_any_encoding(tmp_path, encoding):
    course = make_course(tmp_path, RECORD)
    status, out, err = call(course, "run", "1W", PYTHONIOENCODING=encoding)
    assert (status, err) == (0, b"")
    assert b"running 1W at tiny ?" in out
    notebook = json.loads((course / "build" / "1W" / "tiny" / "trial.ipynb").read_text(encoding="utf-8"))
    assert "± · …\n" in notebook["cells"][1]["outputs"][0]["text"]


def test_the_weeks_commands_do_so_too():
    env = dict(os.environ) | {"PYTHONIOENCODING": "ascii", "COURSEWORK_SET": "…"}
    done = subprocess.run([sys.executable, "-m", "churn"], env=env, capture_output=True)
    assert done.returncode == 2
    assert re.fullmatch(rb"error: cannot read override [^\n]*\n", done.stderr), done.stderr
    mains = [path for path in tracked_files() if path.endswith("/__main__.py")]
    assert len(mains) == 9
    for path in mains:
        assert re.search(r"sys\.exit\((terminal\.)?call\(main", (ROOT / path).read_text(encoding="utf-8")), path


def wait_for(path, process):
    """Wait until the file is there and not empty."""
    limit = time.monotonic() + 60
    while not (path.exists() and path.read_text()) and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    assert path.exists(), process.communicate()


def is_running(pid):
    """Whether a process with this number is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.fault("Ctrl-C or SIGTERM while a notebook runs", "one line, status 130 or 143; no kernel is left")
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux which processes there are")
@pytest.mark.parametrize(
    ("number", "status", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_stopped_run_says_so_and_leaves_no_kernel(tmp_path, number, status, name):
    course = make_course(tmp_path, LONG)
    with start(course, "run", "1W") as process:
        wait_for(course / "1W_stub" / "pid", process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.decode() == f"stopped by {name}; run the same command again to resume the training\n"
    assert not is_running(int((course / "1W_stub" / "pid").read_text()))
    left = [path.name for path in (course / "build").rglob("*") if path.is_file()]
    assert left == ["steps"]


@pytest.mark.fault("Ctrl-C twice, the second while the kernel is ended", "the same: one line, and no kernel is left")
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux which processes there are")
def test_an_impatient_second_signal_leaves_no_kernel_either(tmp_path):
    course = make_course(tmp_path, LONG.replace("time.sleep(300)", STUBBORN))
    with start(course, "run", "1W") as process:
        wait_for(course / "1W_stub" / "pid", process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count(b"\n") == 1
    assert not is_running(int((course / "1W_stub" / "pid").read_text()))


@pytest.mark.fault("a signal while the kernel starts", "one line, and no kernel is left")
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux which processes there are")
def test_a_signal_while_the_kernel_starts_leaves_none(tmp_path):
    course = make_course(tmp_path, "1")
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    write_kernel(tmp_path / "jupyter", sys.executable, "-c", code)
    with start(course, "run", "1W", JUPYTER_PATH=str(tmp_path / "jupyter")) as process:
        wait_for(tmp_path / "pid", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.count(b"\n") == 1
    assert not is_running(int((tmp_path / "pid").read_text()))


def write_kernel(folder, *argv):
    """A kernel called python3 that comes before all others where JUPYTER_PATH names the folder."""
    place = folder / "kernels" / "python3"
    place.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))


@pytest.mark.fault("the Jupyter kernel is missing, or dies at once", "one line that says what to do, status 2")
@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["/nowhere/python"], "No such file or directory"),
        ([sys.executable, "-m", "no_such_launcher"], "No module named no_such_launcher"),
    ],
)
def test_a_kernel_that_cannot_start_is_named(tmp_path, argv, reason):
    course = make_course(tmp_path, "1")
    write_kernel(tmp_path / "jupyter", *argv)
    status, _, err = call(course, "run", "1W", JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert status == 2
    assert re.fullmatch(
        rf"error: the kernel did not start \([^\n]*{reason}[^\n]*\); delete \.venv [^\n]*\n", err.decode()
    )
    assert not list((course / "build").rglob("*.ipynb"))


def test_a_package_that_is_not_installed_is_named_with_what_installs_it():
    with pytest.raises(ValueError, match=r"^no_such_package is not installed; make setup WEEK=11W installs what"):
        load("no_such_package.commands", "11W")
    assert load("coursework.terminal", "11W").load is load
