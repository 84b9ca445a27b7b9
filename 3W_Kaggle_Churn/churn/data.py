"""The customers: the competition's files, or the same customers from IBM's public table; read, checked, cleaned.

Source of the real files: Kaggle competition "advanced-dls-spring-2021".
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from churn.config import Config
from churn.telco import COLUMNS, read_telco, split_telco
from coursework.datasets import data_dir, download_competition, first_source
from coursework.tables import check_categories, check_class_labels, check_columns, check_finite, read_csv

COMPETITION = "advanced-dls-spring-2021"
TARGET = "Churn"
NUMERIC = ["ClientPeriod", "MonthlySpending", "TotalSpent"]
CATEGORICAL = [column for column in COLUMNS if column not in (*NUMERIC, TARGET)]
FEATURES = NUMERIC + CATEGORICAL
FILES = ("train.csv", "test.csv", "submission.csv")


@dataclass(frozen=True)
class Customers:
    """Features as they were read, (n, 19) and (m, 19), and the training labels, 0 or 1, (n,).

    `id_column` is what a submission calls the numbers of the test rows.
    """

    train: pd.DataFrame
    labels: pd.Series
    test: pd.DataFrame
    name: str
    source: str
    id_column: str = "Id"


def load_customers(config: Config) -> Customers:
    """The first of the config's sources that is there: "folder", "download" or "embedded".

    Raises: FileNotFoundError with instructions if none is, ValueError for bad data.
    """
    loaders = {"folder": load_folder, "download": load_download, "embedded": load_embedded}
    customers = first_source(config, config.sources, loaders)
    if customers is not None:
        return take_rows(customers, config.rows, config.seed)
    raise FileNotFoundError(
        f"none of {', '.join(FILES)} is in churn/ of the data folder, and Kaggle gave no access; join the competition "
        f"{COMPETITION} (python -m coursework fetch 3W prints the steps), or use the profile sample"
    )


def load_embedded(config: Config) -> Customers:
    """IBM's table in the competition's columns and split; the labels of its test part stay in the table."""
    train, test = split_telco(read_telco())
    train, test = check_train(train, "telco"), check_test(test.drop(columns=TARGET), "telco")
    source = "IBM Telco, 7,043 customers in the competition's columns and split, MIT"
    return Customers(train[FEATURES], train[TARGET], test, "telco", source)


def load_test_labels(test: pd.DataFrame) -> pd.Series | None:
    """The labels of the competition's test rows, (m,), from IBM's public table; None if `test` holds other rows.

    For the last evaluation only: whatever is chosen by these labels is overfitted to them.
    """
    _, published = split_telco(read_telco())
    if not clean(test[FEATURES]).equals(clean(published[FEATURES])):
        return None
    return published[TARGET]


def load_folder(config: Config) -> Customers | None:
    """The competition's files from `churn/` of the data folder; None if none of them is there."""
    folder = data_dir() / "churn"
    if not any((folder / name).is_file() for name in FILES):
        return None
    return read_competition(folder)


def load_download(config: Config) -> Customers | None:
    """The competition's files by kagglehub, which finds the token by itself; None if it gets no access."""
    folder = download_competition(COMPETITION)
    return None if folder is None else read_competition(folder)


def read_competition(folder: Path) -> Customers:
    """The three files of the competition, checked against each other."""
    train = check_train(read_csv(folder / "train.csv"), "train.csv")
    test = check_test(read_csv(folder / "test.csv"), "test.csv")
    id_column = read_id_column(folder / "submission.csv", len(test))
    source = f"Kaggle {COMPETITION}"
    return Customers(train[FEATURES], train[TARGET], test, "kaggle", source, id_column)


def read_id_column(path: Path, rows: int) -> str:
    """The name of the id column in the sample submission, as it stands in the file; it may be empty.

    Raises: FileNotFoundError, or ValueError unless the other column is the target, and the ids number `rows` from 0.
    """
    table = read_csv(path)
    # As a row of values: pandas would call a column without a name "Unnamed: 0", and the second of one name "Churn.1".
    header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    others = [place for place, name in enumerate(header) if name != TARGET]
    if len(header) != 2 or len(others) != 1:
        raise ValueError(
            f"{path.name}: found the columns {header}, expected two, one of ids, with any name, and {TARGET}; "
            "fetch the three files together"
        )
    ids = table.iloc[:, others[0]].tolist()
    if ids != list(range(rows)):
        wrong = next((row for row, number in enumerate(ids[:rows]) if number != row), min(len(ids), rows))
        raise ValueError(
            f"{path.name}: {len(ids)} ids, expected {rows}, from 0 in the order of test.csv; the first that "
            f"does not fit is in row {wrong}; fetch the three files together"
        )
    return header[others[0]]


def check_train(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its columns in order; ValueError unless it has features and two classes of the target."""
    table = check_features(check_columns(table, [*FEATURES, TARGET], name), name)
    check_class_labels(table[TARGET], name)
    check_categories(table[TARGET], (0, 1), name)
    return table


def check_test(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its columns in order; ValueError if it holds the target, or is otherwise not a test part."""
    if TARGET in table.columns:
        raise ValueError(f"{name}: holds {TARGET}, which a test part must not; is it the training part?")
    return check_features(check_columns(table, FEATURES, name), name)


def check_features(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Refuse columns that are all blank, and numbers that are none or negative; `TotalSpent` may have blanks."""
    for column in FEATURES:
        if blank(table[column]).all():
            raise ValueError(f"{name}: column {column} is all blank ({len(table)} rows); fetch the file again")
    check_finite(table[["ClientPeriod", "MonthlySpending"]], name)
    spent = table["TotalSpent"][~blank(table["TotalSpent"])]
    numbers = pd.to_numeric(spent, errors="coerce")
    wrong = numbers.isna() | np.isinf(numbers) | (numbers < 0)
    if wrong.any():
        raise ValueError(f"{name}: column TotalSpent holds {spent[wrong].iloc[0]!r}, expected an amount or a blank")
    for column in ("ClientPeriod", "MonthlySpending"):
        if (table[column] < 0).any():
            raise ValueError(f"{name}: column {column} is {table[column].min()} somewhere, expected from 0")
    return table


def blank(values: pd.Series) -> pd.Series:
    """Which values are missing, or only whitespace, bool (n,)."""
    return values.isna() | (values.astype(str).str.strip() == "")


def take_rows(customers: Customers, rows: int | None, seed: int) -> Customers:
    """Draw `rows` of the training part, stratified by the target. Raises ValueError if there are not as many."""
    if rows is None:
        return customers
    if not 20 <= rows < len(customers.labels):
        raise ValueError(f"rows is {rows}; expected from 20, below {len(customers.labels):,}; None takes all")
    counts = {label: round(rows * part) for label, part in customers.labels.value_counts(normalize=True).items()}
    groups = customers.labels.groupby(customers.labels)
    kept = pd.Index(np.sort(np.concatenate([g.sample(counts[label], random_state=seed).index for label, g in groups])))
    train, labels = customers.train.loc[kept].reset_index(drop=True), customers.labels.loc[kept].reset_index(drop=True)
    return replace(customers, train=train, labels=labels)


def clean(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, categories as text, without blanks.

    A blank TotalSpent becomes ClientPeriod · MonthlySpending; a blank category becomes the category "unknown".
    """
    table = table.copy()
    product = table["ClientPeriod"] * table["MonthlySpending"]
    table["TotalSpent"] = pd.to_numeric(table["TotalSpent"].mask(blank(table["TotalSpent"]))).fillna(product)
    for column in CATEGORICAL:
        table[column] = table[column].map(category_name).mask(blank(table[column]), "unknown")
    return table.astype(dict.fromkeys(NUMERIC, float))


def count_blanks(*tables: pd.DataFrame) -> np.ndarray:
    """How many values of each column are blank in each table, (19, tables)."""
    return np.array([[blank(table[column]).sum() for table in tables] for column in FEATURES])


def category_name(value) -> str:
    """A category as text: without spaces around it, and 1.0 (as a column of numbers with a blank reads) as "1"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def unseen_categories(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, int]:
    """How many rows of `test` have, in each column, a category that `train` does not contain; both cleaned.

    The models accept such rows (the encoder as no category, CatBoost as an unknown one).
    """
    counts = {column: int((~test[column].isin(train[column].unique())).sum()) for column in CATEGORICAL}
    return {column: count for column, count in counts.items() if count}
