"""Covertype: the committed rows are what they should be, and every kind of bad table is refused by name."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from coursework import datasets
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


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_full_offline_says_how_to_get_the_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("sklearn.datasets._base.time.sleep", lambda _: None)
    with pytest.raises(
        FileNotFoundError, match=r"Covertype is not in data/covertype and cannot be downloaded .*sample"
    ):
        data.load_covertype(CONFIGS["full"])


def test_a_damaged_cache_of_full_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "covertype"
    folder.mkdir(parents=True)
    for name in ("samples_py3", "targets_py3", "samples", "targets"):
        (folder / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"data/covertype cannot be read .*delete that folder"):
        data.load_covertype(CONFIGS["full"])


def test_full_reads_what_scikit_learn_fetches(monkeypatch):
    table = pd.read_csv(data.EMBEDDED)
    arrays = table[data.FEATURES].to_numpy(float), table[data.TARGET].to_numpy(np.int32)
    monkeypatch.setattr("sklearn.datasets.fetch_covtype", lambda **_: arrays)
    with pytest.raises(ValueError, match="has 10,000 rows, expected 581,012; delete"):
        data.load_covertype(CONFIGS["full"])
    monkeypatch.setattr(data, "ROWS_IN_FULL", 10_000)
    covertype = data.load_covertype(CONFIGS["full"])
    assert (covertype.name, covertype.source) == ("covertype", "all rows of UCI Covertype, CC BY 4.0")
    committed = data.load_covertype(CONFIGS["sample"])
    assert not covertype.features.equals(committed.features), "the publisher's order must be shuffled away"
    assert covertype.features.sum().equals(committed.features.sum())
    assert (covertype.labels.value_counts() == committed.labels.value_counts()).all()
