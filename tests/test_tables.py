"""Bad tables: each error names what was found, what was expected and what to do."""

import gzip

import numpy as np
import pandas as pd
import pytest

from coursework import tables

LONG_ARCHIVE = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (row, row**2) for row in range(999)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"rows\.csv is missing from .*; restore it"):
        tables.read_csv(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "cannot be read as CSV"),
        ("rows.csv", b"a,b\n", "has no rows; expected at least one"),
        ("rows.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read as CSV"),
        ("rows.csv", b"\xff\xfe\x00a", "cannot be read as CSV"),
        ("rows.csv.gz", b"<html>", "cannot be read as CSV"),
        ("rows.csv.gz", LONG_ARCHIVE[:200], "cannot be read as CSV"),
        ("rows.csv.gz", LONG_ARCHIVE[:300] + b"flipped" + LONG_ARCHIVE[307:], "cannot be read as CSV"),
    ],
    ids=["empty", "header only", "ragged", "binary", "page for archive", "truncated archive", "altered archive"],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} {message}.*fetch"):
        tables.read_csv(tmp_path / name)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a"], r"found 1 columns, expected 2; missing: \['b'\], not expected: none"),
        (["a", "b", "c"], r"found 3 columns, expected 2; missing: none, not expected: \['c'\]"),
        (["a", "b", "b"], "found 3 columns, expected 2"),
    ],
)
def test_missing_and_extra_columns_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        tables.check_columns(pd.DataFrame([[0] * len(columns)], columns=columns), ["a", "b"], "rows")


def test_columns_come_in_the_expected_order():
    table = tables.check_columns(pd.DataFrame({"b": [2], "a": [1]}), ["a", "b"], "rows")
    assert list(table.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "tall"], "column a holds 'tall', expected numbers"),
        ([1.0, np.nan], r"column a is nan in row 1 \(1 such rows\), expected finite"),
        ([np.inf, -np.inf], r"column a is inf in row 0 \(2 such rows\)"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=f"rows: {message}"):
        tables.check_finite(pd.DataFrame({"a": values}), "rows")


def test_an_unknown_category_is_named():
    with pytest.raises(ValueError, match=r"column kind has unknown \['elm'\], expected some of \['oak', 'ash'\]"):
        tables.check_categories(pd.Series(["oak", "elm"], name="kind"), ["oak", "ash"], "rows")


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0.5, 1.0], "expected whole numbers"), (["a", "b"], "expected whole numbers"), ([3, 3], "all 2 labels are 3")],
)
def test_labels_must_be_classes(labels, message):
    with pytest.raises(ValueError, match=message):
        tables.check_class_labels(pd.Series(labels), "rows")


def test_repeated_ids_of_a_submission_are_named():
    tables.check_ids(pd.Series([1, 2, 3], name="Id"), "submission.csv")
    with pytest.raises(ValueError, match=r"submission\.csv: Id repeats \[2\], expected every id once; drop"):
        tables.check_ids(pd.Series([1, 2, 2], name="Id"), "submission.csv")
