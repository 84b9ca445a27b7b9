"""Archives: unpacked whole or not at all, never outside their folder, and bad ones are named."""

import gzip
import hashlib
import zipfile

import pytest
from PIL import Image

from coursework import datasets


@pytest.fixture
def data(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    monkeypatch.setenv("COURSEWORK_DATA", str(folder))
    return folder


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def know(monkeypatch, path, place):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(datasets, "KNOWN", {path.name: (digest, place)})


def test_a_known_archive_lands_in_the_publishers_layout(tmp_path, data, monkeypatch):
    archive = make_zip(tmp_path / "faces.zip", {"faces/Ann/Ann_0001.jpg": "x"})
    know(monkeypatch, archive, "lfw/faces")
    assert datasets.unpack_all(tmp_path) == ["lfw/faces: unpacked from faces.zip"]
    assert (data / "lfw" / "faces" / "Ann" / "Ann_0001.jpg").read_text() == "x"
    assert datasets.unpack_all(tmp_path) == ["lfw/faces: already there"]
    assert [path.name for path in (data / "lfw").iterdir()] == ["faces"]


def test_an_archive_without_a_top_folder_becomes_the_folder(tmp_path, data):
    archive = make_zip(tmp_path / "digits.zip", {"train/a.txt": "x"})
    datasets.extract_zip(archive, data / "digits")
    assert (data / "digits" / "train" / "a.txt").exists()


def test_a_known_file_is_copied(tmp_path, data, monkeypatch):
    labels = tmp_path / "labels.csv"
    labels.write_text("a,b\n")
    know(monkeypatch, labels, "lfw/labels.csv")
    datasets.unpack_all(tmp_path)
    assert (data / "lfw" / "labels.csv").read_text() == "a,b\n"


def test_compressed_files_of_mnist_come_out_plain(tmp_path, data, monkeypatch):
    packed = tmp_path / "mnist" / "labels.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(b"0123"))
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    monkeypatch.setattr(datasets, "KNOWN", {"mnist/labels.gz": (digest, "MNIST/raw/labels")})
    assert datasets.unpack_all(tmp_path) == ["MNIST/raw/labels: unpacked from labels.gz"]
    assert (data / "MNIST" / "raw" / "labels").read_bytes() == b"0123"


def test_a_bad_archive_does_not_keep_the_others_out(tmp_path, data, monkeypatch):
    good, bad = make_zip(tmp_path / "good.zip", {"a": "x"}), make_zip(tmp_path / "bad.zip", {"a": "x"})
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    monkeypatch.setattr(datasets, "KNOWN", {bad.name: ("0" * 64, "bad"), good.name: (digest, "good")})
    (data / "good").mkdir(parents=True)  # empty, so not yet there
    with pytest.raises(ValueError, match=r"bad\.zip has SHA-256.*good: unpacked"):
        datasets.unpack_all(tmp_path)
    assert (data / "good" / "a").exists()


def test_ph2_photographs_become_bmp(tmp_path):
    folder = tmp_path / "IMD003_Dermoscopic_Image"
    folder.mkdir()
    Image.new("RGB", (4, 3), "red").save(folder / "IMD003.jpg")
    datasets.photographs_as_bmp(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["IMD003.bmp"]
    assert Image.open(folder / "IMD003.bmp").size == (4, 3)


@pytest.mark.fault("an archive with a wrong hash", "refused; the data folder stays as it was")
def test_a_changed_archive_is_refused(tmp_path, data, monkeypatch):
    archive = make_zip(tmp_path / "faces.zip", {"a": "x"})
    monkeypatch.setattr(datasets, "KNOWN", {"faces.zip": ("0" * 64, "faces")})
    with pytest.raises(ValueError, match=r"faces\.zip has SHA-256 .*expected 000000000000"):
        datasets.unpack_all(tmp_path)
    assert not (data / "faces").exists()
    assert archive.exists()


@pytest.mark.fault("HTML in place of a zip", "an error that shows how the page begins; the data folder stays as it was")
def test_html_in_place_of_a_zip_is_named(tmp_path, data):
    page = tmp_path / "faces.zip"
    page.write_text("<!doctype html><title>Sign in</title>")
    with pytest.raises(ValueError, match=r"faces\.zip is no intact zip.*<!doctype"):
        datasets.extract_zip(page, data / "faces")
    assert list(data.iterdir()) == []


@pytest.mark.fault("a zip that is cut off", "an error that names it; the data folder stays as it was")
def test_a_truncated_zip_is_named(tmp_path, data):
    archive = make_zip(tmp_path / "faces.zip", {"a": "x" * 5000})
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(ValueError, match="no intact zip"):
        datasets.extract_zip(archive, data / "faces")
    assert list(data.iterdir()) == []


@pytest.mark.fault("a zip with ../ or an absolute path", "refused as a whole; nothing is written")
@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:evil.txt", "\\evil.txt"])
def test_a_member_that_would_escape_is_refused(tmp_path, data, name):
    archive = make_zip(tmp_path / "evil.zip", {"fine.txt": "x", name: "x"})
    with pytest.raises(ValueError, match="outside its folder"):
        datasets.extract_zip(archive, data / "evil")
    assert list(data.iterdir()) == []


@pytest.mark.fault("an error in the last step of unpacking", "nothing half unpacked is left")
def test_a_failing_last_step_leaves_nothing(tmp_path, data):
    archive = make_zip(tmp_path / "faces.zip", {"a": "x"})

    def fail(_):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        datasets.extract_zip(archive, data / "faces", fail)
    assert list(data.iterdir()) == []


def test_a_folder_without_archives_lists_what_is_known(tmp_path, data):
    with pytest.raises(FileNotFoundError, match=r"holds none of ph2\.zip"):
        datasets.unpack_all(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv is not in"):
        datasets.verify(tmp_path / "absent.csv", "0" * 64)
