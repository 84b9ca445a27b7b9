"""Covertype: the committed rows are what they should be, and every kind of bad table is refused by name."""

import gzip
import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import requests

from coursework import datasets, downloads
from knn import data
from knn.config import CONFIGS


@pytest.fixture
def table():
    """A fresh copy of 50 committed rows."""
    return pd.read_csv(data.EMBEDDED).head(50).copy()


def test_the_committed_rows():
    covertype = data.load_covertype(CONFIGS["sample"])
    assert covertype.features.shape == (10_000, 54)
    assert covertype.features.dtypes.unique().tolist() == [np.float64]
    assert covertype.labels.value_counts().sort_index().tolist() == [3683, 4841, 623, 47, 160, 299, 347]
    assert datasets.sha256(data.EMBEDDED) == "3012ecb37814eef5a409f7ef8b0ab2adf94daacc0d0d01bcf5c60eeee2afb1a3"


def test_tiny_keeps_every_class_and_repeats():
    first, second = (data.load_covertype(CONFIGS["tiny"]) for _ in range(2))
    assert first.labels.value_counts().min() >= 10
    assert 350 < len(first.labels) < 500
    assert first.features.equals(second.features)
    other = data.load_covertype(replace(CONFIGS["tiny"], seed=1))
    assert not first.features.equals(other.features)


def test_rows_below_one_are_refused():
    with pytest.raises(ValueError, match="rows is 0; expected at least 1"):
        data.load_covertype(replace(CONFIGS["tiny"], rows=0))


def spoil(column, row, value):
    def change(table):
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table.infer_objects()

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="Slope"), r"missing: \['Slope'\]"),
        (lambda table: table.assign(Depth=1), r"not expected: \['Depth'\]"),
        (spoil("Slope", 3, "steep"), "column Slope holds 'steep', expected numbers"),
        (spoil("Slope", 3, np.nan), "column Slope is nan in row 3"),
        (spoil("Elevation", 2, np.inf), "column Elevation is inf in row 2"),
        (spoil("Cover_Type", 1, 8), r"column Cover_Type has unknown \[8\]"),
        (spoil("Cover_Type", 1, 1.5), "labels are float64, expected whole numbers"),
        (lambda table: table.assign(Cover_Type=2), "all 50 labels are 2, expected two classes"),
        (
            lambda table: table.assign(Wilderness_Area1=1, Wilderness_Area2=1),
            "row 0 marks no or several of Wilderness_Area1",
        ),
        (
            lambda table: table.assign(**dict.fromkeys(data.SOIL, 0)),
            "row 0 marks no or several of Soil_Type1 to Soil_Type40",
        ),
        (lambda table: table.assign(Soil_Type1=0.5), "marks no or several of Soil_Type1"),
    ],
)
def test_a_bad_table_is_named(table, change, message):
    with pytest.raises(ValueError, match=message):
        data.check_table(change(table), "rows")


def test_a_good_table_passes_in_any_column_order(table):
    assert list(data.check_table(table[table.columns[::-1]], "rows").columns) == [*data.FEATURES, data.TARGET]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, r"covertype\.csv is missing"),
        (b"", ValueError, "cannot be read as CSV"),
        (b"<html>not here</html>", ValueError, "has no rows"),
        (b"Elevation,Slope\n", ValueError, "has no rows"),
    ],
)
def test_a_missing_or_damaged_file_is_named(tmp_path, monkeypatch, content, error, message):
    path = tmp_path / "covertype.csv"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(data, "EMBEDDED", path)
    with pytest.raises(error, match=message):
        data.load_covertype(CONFIGS["sample"])


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """What the publisher would send, in the form of its file: the committed rows; and an empty data folder."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    text = pd.read_csv(data.EMBEDDED)[[*data.FEATURES, data.TARGET]].to_csv(header=False, index=False)
    content = gzip.compress(text.encode())
    monkeypatch.setattr(data, "COVERTYPE", replace(data.COVERTYPE, sha256=hashlib.sha256(content).hexdigest()))
    return content


def send(monkeypatch, answers):
    """Have addresses answered without a network: bytes are sent, errors raised; returns the list of requests."""
    asked = []

    def answer(url, file):
        asked.append(url)
        if isinstance(answers[url], Exception):
            raise answers[url]
        file.write(answers[url])

    monkeypatch.setattr(downloads, "download_rest", answer)
    monkeypatch.setattr(downloads, "WAITS", ())
    return asked


def test_full_is_downloaded_once_and_checked(tmp_path, monkeypatch, publisher):
    asked = send(monkeypatch, {data.COVERTYPE.urls[0]: publisher})
    covertype = data.load_covertype(CONFIGS["full"])
    assert (covertype.name, covertype.source) == ("covertype", "all rows of UCI Covertype, CC BY 4.0")
    committed = data.load_covertype(CONFIGS["sample"])
    assert not covertype.features.equals(committed.features), "the publisher's order must be shuffled away"
    assert covertype.features.sum().equals(committed.features.sum())
    assert covertype.features.dtypes.unique().tolist() == [np.float64]
    assert (covertype.labels.value_counts() == committed.labels.value_counts()).all()
    folder = tmp_path / "data" / "covertype"
    assert [path.name for path in folder.iterdir()] == ["covtype.data.gz"]
    assert data.load_covertype(CONFIGS["full"]).features.equals(covertype.features)
    assert len(asked) == 1


def test_a_second_address_is_tried(monkeypatch, publisher):
    first, second = data.COVERTYPE.urls
    asked = send(monkeypatch, {first: requests.Timeout("timed out"), second: publisher})
    assert len(data.load_covertype(CONFIGS["full"]).labels) == 10_000
    assert asked == [first, second]


@pytest.mark.fault("no network at full, Covertype not there (1W)", "an error that says where to put which file")
def test_full_offline_says_how_to_get_the_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(downloads, "WAITS", ())
    advice = r"put what is at https://archive\.ics.*covtype\.data\.gz there yourself, or use the profile sample"
    with pytest.raises(
        FileNotFoundError, match=rf"at covertype/covtype\.data\.gz, and cannot .*no connection.*{advice}"
    ):
        data.load_covertype(CONFIGS["full"])


@pytest.mark.fault("a download that is cut off, or another file (1W)", "refused; nothing is left of it")
def test_a_wrong_download_is_refused(tmp_path, monkeypatch, publisher):
    first, second = data.COVERTYPE.urls
    send(monkeypatch, {first: publisher[:-9], second: requests.ConnectionError("cut off after 9 of 11 bytes")})
    with pytest.raises(
        FileNotFoundError, match=r"archive\.ics\.uci\.edu: another file than expected.*figshare.*cut off after 9"
    ):
        data.load_covertype(CONFIGS["full"])
    assert not list((tmp_path / "data").rglob("*"))


@pytest.mark.fault("a changed file of Covertype in the data folder (1W)", "refused by its hash; nothing is unpickled")
def test_a_changed_file_is_refused(tmp_path, monkeypatch, publisher):
    send(monkeypatch, {})
    folder = tmp_path / "data" / "covertype"
    folder.mkdir(parents=True)
    (folder / "covtype.data.gz").write_bytes(publisher + b"more")
    with pytest.raises(ValueError, match=r"covtype\.data\.gz has SHA-256 .*; delete it and run again"):
        data.load_covertype(CONFIGS["full"])


def test_what_scikit_learn_has_kept_is_not_unpickled(tmp_path, monkeypatch, publisher):
    """Its cache is a pickle; whoever can write to the data folder could run code by it."""
    asked = send(monkeypatch, {data.COVERTYPE.urls[0]: publisher})
    folder = tmp_path / "data" / "covertype"
    folder.mkdir(parents=True)
    for name in ("samples_py3", "targets_py3"):
        (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "gone off")))
    data.load_covertype(CONFIGS["full"])
    assert not (tmp_path / "gone off").exists()
    assert len(asked) == 1


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.write_text, ("boom",)


def test_the_hash_is_the_one_that_scikit_learn_checks():
    from sklearn.datasets import _covtype

    assert _covtype.ARCHIVE.checksum == data.COVERTYPE.sha256
    assert _covtype.ARCHIVE.url in data.COVERTYPE.urls


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, publisher):
    send(monkeypatch, {data.COVERTYPE.urls[0]: publisher})
    (tmp_path / "data").write_text("a file")
    with pytest.raises(PermissionError, match=r"cannot write covtype\.data\.gz to .*set COURSEWORK_DATA"):
        data.load_covertype(CONFIGS["full"])
