"""Drawn stand-ins: written whole, marked, drawn again only when their generator changes, and never taken for real."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coursework import standins


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def files(*names):
    yield from ((name, name.encode()) for name in names)


def test_a_stand_in_lies_apart_and_says_what_drew_it(data):
    folder = standins.write_stand_in("faces", {"seed": 1}, files("a/b.jpg", "c.csv"))
    assert folder == data / "stand-in" / "faces"
    assert (folder / "a" / "b.jpg").read_bytes() == b"a/b.jpg"
    assert standins.read_mark(folder) == {"seed": 1}
    assert [path.name for path in folder.parent.glob("[!.]*")] == ["faces"]


def test_it_is_drawn_once_and_again_when_the_facts_change(data):
    standins.write_stand_in("faces", {"seed": 1}, files("a"))

    def never():
        raise AssertionError("drawn again")
        yield

    standins.write_stand_in("faces", {"seed": 1}, never())
    folder = standins.write_stand_in("faces", {"seed": 2}, files("b"))
    assert sorted(path.name for path in folder.iterdir()) == [standins.MARK, "b"]


@pytest.mark.fault("two processes want the same synthetic data set at once", "it is generated once")
def test_two_at_once_draw_once(data):
    drawn = []

    def slow():
        drawn.append(1)
        time.sleep(0.2)
        yield "a", b""

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: standins.write_stand_in("faces", {"seed": 1}, slow()), range(2)))
    assert found[0] == found[1]
    assert drawn == [1]


@pytest.mark.fault("an error while a synthetic data set is generated", "the previous copy stays intact")
def test_a_broken_off_drawing_leaves_what_was_there(data):
    standins.write_stand_in("faces", {"seed": 1}, files("a"))

    def broken():
        yield "b", b""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        standins.write_stand_in("faces", {"seed": 2}, broken())
    assert standins.read_mark(standins.stand_in_dir("faces")) == {"seed": 1}
    assert [path.name for path in standins.stand_in_dir("faces").parent.glob("[!.]*")] == ["faces"]


def test_a_damaged_mark_means_drawing_again(data):
    folder = standins.write_stand_in("faces", {"seed": 1}, files("a"))
    (folder / standins.MARK).write_text("{")
    standins.write_stand_in("faces", {"seed": 1}, files("b"))
    assert (folder / "b").exists()
    assert not (folder / "a").exists()


@pytest.mark.fault(
    "a synthetic data set in the folder of the real one",
    "an error, so synthetic images are never taken for photographs",
)
def test_real_data_must_not_carry_the_mark(data):
    folder = standins.write_stand_in("faces", {"seed": 1}, files("a"))
    with pytest.raises(ValueError, match="is a drawn stand-in, not the real data set"):
        standins.refuse_stand_in(folder)
    (folder / standins.MARK).unlink()
    standins.refuse_stand_in(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(data):
    data.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="set COURSEWORK_DATA"):
        standins.write_stand_in("faces", {}, files("a"))


def test_a_file_in_the_way_is_named(data):
    data.write_text("not a folder")
    with pytest.raises(PermissionError, match="cannot write stand-in/faces"):
        standins.write_stand_in("faces", {}, files("a"))


def test_the_hash_is_of_the_code(tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_bytes(b"x = 1\n")
    second.write_bytes(b"x = 1  # a comment\r\n")
    assert standins.source_hash([first]) == standins.source_hash([second])
    second.write_text("x = 2\n")
    assert standins.source_hash([first]) != standins.source_hash([second])
    assert isinstance(standins.stand_in_dir("a"), Path)
