"""The submission: built, checked, written, and the command that sends it."""

from pathlib import Path

import numpy as np
import pandas as pd

from churn.data import COMPETITION, TARGET
from coursework.records import write_text
from coursework.tables import check_columns, check_finite, check_ids


def build_submission(probs: np.ndarray, id_column: str = "Id") -> pd.DataFrame:
    """Kaggle's form: ids from 0 in the order of test.csv, and the probability of churn. probs: (m,)."""
    return pd.DataFrame({id_column: np.arange(len(probs)), TARGET: np.asarray(probs, dtype=float)})


def check_submission(
    table: pd.DataFrame, rows: int, id_column: str = "Id", name: str = "submission.csv"
) -> pd.DataFrame:
    """The table, if Kaggle would take it; ValueError for other columns, ids, order or length, or for no probability."""
    table = check_columns(table, [id_column, TARGET], name)
    ids, id_name = table[id_column], id_column or "the id column"
    check_ids(ids, name)
    if not pd.api.types.is_integer_dtype(ids):
        raise ValueError(f"{name}: {id_name} is {ids.dtype}, expected whole numbers from 0")
    if len(table) != rows:
        raise ValueError(f"{name}: {len(table)} rows, expected {rows}, one for each test row")
    wrong = np.flatnonzero(ids.to_numpy() != np.arange(rows))
    if len(wrong):
        row = wrong[0]
        raise ValueError(f"{name}: row {row} has {id_name} {ids.iloc[row]}, expected {row}; keep its order")
    check_finite(table[[TARGET]], name)
    outside = table[TARGET][(table[TARGET] < 0) | (table[TARGET] > 1)]
    if len(outside):
        raise ValueError(f"{name}: {TARGET} is {outside.iloc[0]} in row {outside.index[0]}, expected from 0 to 1")
    return table


def write_submission(table: pd.DataFrame, path: Path) -> None:
    """Write a checked submission as CSV, whole or not at all."""
    write_text(path, table.to_csv(index=False))


def send_command(path: str) -> str:
    """What to type to send the file; the kaggle program finds its token in the user's home or environment."""
    return f'kaggle competitions submit -c {COMPETITION} -f {path} -m "coursework 3W"'
