"""Checks of tabular data: each raises an error that names what was found, what was expected and what to do."""

import zlib

import numpy as np
import pandas as pd

DAMAGED = (EOFError, OSError, zlib.error)  # what a truncated or altered archive ends in


def read_csv(path) -> pd.DataFrame:
    """Read a CSV file, gzipped or not. Raises FileNotFoundError or ValueError that names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing from {path.parent.name}/; restore it, or put the file there")
    try:
        table = pd.read_csv(path)
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path.name} cannot be read as CSV ({reason}); fetch the file again") from None
    if table.empty:
        raise ValueError(f"{path.name} has no rows; expected at least one below the header; fetch the file again")
    return table


def check_columns(table: pd.DataFrame, expected: list[str], name: str) -> pd.DataFrame:
    """The table with its columns in the expected order. Raises ValueError for missing, extra or repeated ones."""
    found = list(table.columns)
    missing = [column for column in expected if column not in found]
    extra = [column for column in found if column not in expected]
    if missing or extra or len(found) != len(expected):
        raise ValueError(
            f"{name}: found {len(found)} columns, expected {len(expected)}; missing: {missing or 'none'}, "
            f"not expected: {extra or 'none'}; rename, add or drop them"
        )
    return table[expected]


def check_finite(table: pd.DataFrame, name: str) -> None:
    """Raise ValueError for a column that is not numeric, or holds NaN or infinity; names column and row."""
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            wrong = table[column][pd.to_numeric(table[column], errors="coerce").isna()]
            example = repr(wrong.iloc[0]) if len(wrong) else str(table[column].dtype)
            raise ValueError(f"{name}: column {column} holds {example}, expected numbers; correct or drop the rows")
        bad = ~np.isfinite(table[column].to_numpy(dtype=float))
        if bad.any():
            raise ValueError(
                f"{name}: column {column} is {table[column].iloc[bad.argmax()]} in row {bad.argmax()} "
                f"({bad.sum()} such rows), expected finite numbers; fill or drop them"
            )


def check_categories(values: pd.Series, known, name: str) -> None:
    """Raise ValueError for a value outside `known`; names the values and the column."""
    unknown = sorted(set(values.unique().tolist()) - set(known), key=str)
    if unknown:
        raise ValueError(
            f"{name}: column {values.name} has unknown {unknown[:5]}, expected some of {list(known)}; map or drop them"
        )


def check_class_labels(labels: pd.Series, name: str) -> None:
    """Raise ValueError for labels that are not whole numbers, or that are all of one class."""
    if not pd.api.types.is_integer_dtype(labels):
        raise ValueError(f"{name}: labels are {labels.dtype}, expected whole numbers; encode the classes as 0, 1, 2, …")
    if labels.nunique() < 2:
        raise ValueError(
            f"{name}: all {len(labels)} labels are {labels.iloc[0]}, expected two classes or more; add rows"
        )


def check_ids(ids: pd.Series, name: str) -> None:
    """Raise ValueError if an id of a submission occurs twice; names the ids."""
    repeated = ids[ids.duplicated()].unique().tolist()
    if repeated:
        raise ValueError(f"{name}: {ids.name} repeats {repeated[:5]}, expected every id once; drop the repeats")
