"""Data sets are found however they were unpacked; an archive that nobody has unpacked is named, with what to do."""

import tarfile
import zipfile

import pytest

from coursework import folders


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    return tmp_path


def write_zip(path, *members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, b"")
    return path


def test_what_systems_leave_is_not_seen(root):
    for name in ("b.jpg", "a.jpg", "._a.jpg", ".DS_Store", "Ann Lee", "__MACOSX", "__init__.jpg"):
        (root / name).mkdir()
    assert [path.name for path in folders.visible(root)] == ["Ann Lee", "__init__.jpg", "a.jpg", "b.jpg"]
    assert folders.visible(root / "missing") == []


@pytest.mark.parametrize("deeper", ["", "one", "one/two/three"])
def test_a_folder_is_found_below(root, deeper):
    (root / "set" / deeper / "train").mkdir(parents=True)
    (root / "set" / "__MACOSX" / "train").mkdir(parents=True)
    assert folders.find_below(root / "set", "train") == root / "set" / deeper


def test_a_folder_is_found_through_links_and_not_too_deep(root):
    (root / "elsewhere" / "train").mkdir(parents=True)
    (root / "set").mkdir()
    (root / "set" / "loop").symlink_to(root / "set")
    assert folders.find_below(root / "set", "train") is None
    assert folders.find_below(root / "missing", "train") is None
    (root / "set" / "linked").symlink_to(root / "elsewhere")
    assert folders.find_below(root / "set", "train", depth=1) == root / "set" / "linked"
    (root / "deep" / "1" / "2" / "train").mkdir(parents=True)
    assert folders.find_below(root / "deep", "train", depth=1) is None


def test_two_folders_on_a_level_are_named(root):
    for name in ("rgb", "grey"):
        (root / "set" / name / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match="set/ holds several folders train: grey/train, rgb/train; keep one of them"):
        folders.find_below(root / "set", "train")


@pytest.mark.fault(
    "an archive in the data folder that nobody has unpacked", "an error that says to unpack it, and where"
)
@pytest.mark.parametrize(
    "name", ["faces/archive.zip", "faces/faces.7z", "archive.zip", "faces.zip", "faces-images.tar.gz"]
)
def test_an_archive_that_nobody_has_unpacked_is_named(root, name):
    write_zip(root / name, "top/faces-images/a.jpg")
    with pytest.raises(FileNotFoundError, match=f"{name} in the data folder is not unpacked; unpack it into faces/"):
        folders.refuse_archives("faces", "faces-images/")


def test_archives_of_other_data_sets_are_left_alone(root):
    write_zip(root / "archive.zip", "digits/a.jpg")
    (root / "damaged.zip").write_bytes(b"no zip")
    (root / "faces-images").mkdir()
    write_zip(root / "faces_28px.zip", "a.jpg")
    with tarfile.open(root / "digits.tar.gz", "w:gz"):
        pass
    folders.refuse_archives("faces", "faces-images/")
    folders.refuse_archives("faces")
