"""The commands `predict` for files of one's own: their shape, and each week that has one."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from coursework import predicting


def tiny(arguments, capsys):
    """`predict` of a trial week, which tells how many bytes a file has."""

    def prepare(options):
        def answer(path):
            if path.suffix != ".txt":
                raise ValueError("it is no text\nand much more")
            return {"bytes": len(path.read_bytes()) * options.times}

        return answer

    def add(parser):
        parser.add_argument("--times", type=int, default=1)

    status = predicting.predict(arguments, "trial", "Count.", prepare, lambda found: f"{found['bytes']} bytes", add)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path):
    """Two good files and a bad one; a fourth is missing."""
    for name, text in (("a.txt", "abc"), ("b.txt", "ü"), ("c.png", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [str(tmp_path / name) for name in ("a.txt", "c.png", "missing.txt", "b.txt")]


def test_a_line_for_each_file_and_for_each_fault(files, capsys):
    status, out, err = tiny(files, capsys)
    assert (status, out) == (1, "a.txt: 3 bytes\nb.txt: 2 bytes\n")
    assert err == "error: c.png: it is no text\nerror: missing.txt: No such file or directory\n"


def test_json_on_request(files, capsys):
    status, out, err = tiny([*files[::3], "--json", "--times", "2"], capsys)
    assert (status, err) == (0, "")
    assert json.loads(out) == [{"file": files[0], "bytes": 6}, {"file": files[3], "bytes": 4}]


def test_help_and_mistakes_are_argparse_s(capsys):
    for arguments, status in ((["--help"], 0), ([], 2)):
        with pytest.raises(SystemExit) as stop:
            tiny(arguments, capsys)
        assert stop.value.code == status
    assert "python -m trial predict" in capsys.readouterr().err


def test_hard_hats_are_found_in_a_picture_of_ones_own(tmp_path):
    from hardhat.standin import draw_picture

    (tmp_path / "site.jpg").write_bytes(draw_picture(5, True, 11)[0])
    Image.new("RGB", (60, 90), "navy").save(tmp_path / "empty.png")
    (tmp_path / "damaged.jpg").write_bytes((tmp_path / "site.jpg").read_bytes()[:900])
    names = [str(tmp_path / name) for name in ("site.jpg", "empty.png", "damaged.jpg")]
    command = [sys.executable, "-m", "hardhat", "predict", *names, "--json"]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: damaged.jpg: ")
    assert done.stderr.count("\n") == 1
    site, empty = json.loads(done.stdout)
    assert {head["class"] for head in site["heads"]} <= {"helmet", "head"}
    assert site["heads"]
    assert empty["heads"] == []
