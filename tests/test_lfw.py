"""LFW is found however it was unpacked, by either of the weeks that read it."""

import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from autoencoders import data as autoencoders_data
from autoencoders.config import CONFIGS as AUTOENCODERS
from coursework import lfw
from gan import data as gan_data
from gan.config import CONFIGS as GAN

FILES = ("Ann_Lee_0001", "Ann_Lee_0002", "Bo_Ek_0001", "Cy_Du_0001")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    (tmp_path / "data" / "lfw").mkdir(parents=True)
    return tmp_path / "data"


def write_people(folder):
    """Three people in LFW's layout."""
    for name in FILES:
        (folder / name[:-5]).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (25, 25), (90, 120, 150)).save(folder / name[:-5] / f"{name}.jpg")


@pytest.mark.fault("LFW's archive unpacked a level deeper, as Kaggle's is", "found")
@pytest.mark.parametrize(
    "below", ["lfw-deepfunneled", "lfw-deepfunneled/lfw-deepfunneled", "archive/lfw-deepfunneled/lfw-deepfunneled"]
)
def test_people_are_found_on_every_level(root, below):
    write_people(root / "lfw" / below)
    folder = lfw.find_lfw()
    assert folder == root / "lfw"
    assert [path.stem for path in lfw.list_pictures(folder)] == list(FILES)


def test_people_are_found_through_links(root, tmp_path):
    write_people(tmp_path / "elsewhere" / "people")
    (root / "lfw" / "lfw-deepfunneled").mkdir()
    for name in ("Ann_Lee", "Bo_Ek"):
        (root / "lfw" / "lfw-deepfunneled" / name).symlink_to(tmp_path / "elsewhere" / "people" / name)
    assert [path.stem for path in lfw.list_pictures(lfw.find_lfw())] == list(FILES[:3])


def test_what_macs_leave_does_not_count(root):
    people = root / "lfw" / "lfw-deepfunneled"
    write_people(people)
    for below in (".DS_Store", "Ann_Lee/._Ann_Lee_0001.jpg", "Ann_Lee/.DS_Store"):
        (people / below).write_bytes(b"mac")
    write_people(root / "lfw" / "__MACOSX" / "lfw-deepfunneled")
    (people / "__MACOSX").mkdir()
    (people / "__MACOSX" / "Ann_Lee_0001.jpg").write_bytes(b"mac")
    assert [path.stem for path in lfw.list_pictures(lfw.find_lfw())] == list(FILES)


def test_no_people_are_none(root):
    assert lfw.find_lfw() is None
    (root / "lfw" / "lfw_expressions.csv").write_text("image,emotion\n")
    (root / "lfw" / "lfw-deepfunneled").mkdir()
    (root / "lfw" / "lfw-deepfunneled" / ".DS_Store").write_bytes(b"mac")
    assert lfw.find_lfw() is None
    (root / "lfw").rename(root / "elsewhere")
    assert lfw.find_lfw() is None


def test_other_folders_are_named(root):
    write_people(root / "lfw" / "lfw_funneled")
    with pytest.raises(FileNotFoundError, match=r"lfw/ holds the folders lfw_funneled; expected lfw-deepfunneled/<Per"):
        lfw.find_lfw()


@pytest.mark.fault("LFW's archive, not unpacked, in the data folder (8W, 10W)", "an error that says to unpack it")
@pytest.mark.parametrize("name", ["lfw/archive.zip", "lfw/lfw-deepfunneled.zip", "archive.zip", "lfw-deepfunneled.tgz"])
def test_an_archive_is_named_by_either_week(root, name):
    with zipfile.ZipFile(root / name, "w") as archive:
        archive.writestr("lfw-deepfunneled/lfw-deepfunneled/Ann_Lee/Ann_Lee_0001.jpg", b"")
    message = f"{name} in the data folder is not unpacked; unpack it into lfw/"
    with pytest.raises(FileNotFoundError, match=message):
        autoencoders_data.load_faces(AUTOENCODERS["sample"])
    with pytest.raises(FileNotFoundError, match=message):
        gan_data.load_faces(replace(GAN["sample"], sources=("lfw", "drawn")), 128)
