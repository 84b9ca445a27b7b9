"""IBM's public Telco table in the columns and the split of the Kaggle competition, whose 7,043 customers are the same.

Source: IBM sample data "Telco Customer Churn", as published in the R package modeldata 1.4, MIT licence.
"""

from pathlib import Path

import pandas as pd

from coursework.tables import check_columns, read_csv

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "telco_churn.csv.gz"
# The competition's split: part ("train" or "test") and row of EMBEDDED, from 0, in the order of the competition.
SPLIT = EMBEDDED.with_name("competition_split.csv")

# competition's column: (published column, its values where they are renamed)
YES_NO = {1.0: "Yes", 0.0: "No"}
COLUMNS = {
    "ClientPeriod": ("tenure", None),
    "MonthlySpending": ("monthly_charges", None),
    "TotalSpent": ("total_charges", None),
    "Sex": ("female", {1.0: "Female", 0.0: "Male"}),
    "IsSeniorCitizen": ("senior_citizen", None),
    "HasPartner": ("partner", YES_NO),
    "HasChild": ("dependents", YES_NO),
    "HasPhoneService": ("phone_service", YES_NO),
    "HasMultiplePhoneNumbers": ("multiple_lines", None),
    "HasInternetService": ("internet_service", None),
    "HasOnlineSecurityService": ("online_security", None),
    "HasOnlineBackup": ("online_backup", None),
    "HasDeviceProtection": ("device_protection", None),
    "HasTechSupportAccess": ("tech_support", None),
    "HasOnlineTV": ("streaming_tv", None),
    "HasMovieSubscription": ("streaming_movies", None),
    "HasContractPhone": ("contract", None),
    "IsBillingPaperless": ("paperless_billing", YES_NO),
    "PaymentMethod": ("payment_method", None),
    "Churn": ("churn", {"Yes": 1, "No": 0}),
}


def read_telco(path: Path = EMBEDDED) -> pd.DataFrame:
    """The published table in the competition's columns, with its flaws: `TotalSpent` is text, and blank for 11 rows.

    Raises: FileNotFoundError or ValueError that names what is wrong.
    """
    published = read_csv(path)
    published = check_columns(published, [source for source, _ in COLUMNS.values()], path.name)
    renamed = {}
    for column, (source, values) in COLUMNS.items():
        renamed[column] = published[source] if values is None else published[source].map(values)
    table = pd.DataFrame(renamed)
    table["TotalSpent"] = [" " if pd.isna(amount) else f"{amount:g}" for amount in table["TotalSpent"]]
    return table


def split_telco(table: pd.DataFrame, path: Path = SPLIT) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The competition's own training part (5,282 rows) and test part (1,761), each in its order, numbered from 0.

    Raises: ValueError unless the file of row numbers at `path` names each row of `table` once.
    """
    split = check_columns(read_csv(path), ["part", "row"], path.name)
    if sorted(split["row"]) != list(range(len(table))) or set(split["part"]) != {"train", "test"}:
        raise ValueError(
            f"{path.name}: expected each row from 0 to {len(table) - 1} once, as train or test; restore it"
        )
    train, test = (table.iloc[split["row"][split["part"] == part]] for part in ("train", "test"))
    return train.reset_index(drop=True), test.reset_index(drop=True)


def match_rows(table: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, target: str) -> pd.DataFrame:
    """Which row of `table` each row of the competition's files is: how SPLIT was made. All three cleaned.

    Training rows take a row with equal features and an equal target; test rows take what is left, in order. Rows that
    are equal in every feature cannot be told apart, but every model gives them one score, so no AUC depends on them.
    Raises: ValueError for a row that has no counterpart left.
    """
    features = [column for column in table.columns if column != target]
    free: dict[tuple, list[int]] = {}
    for row, key in enumerate(table[features].itertuples(index=False, name=None)):
        free.setdefault(key, []).append(row)
    found = []
    for part, rows in (("train", train), ("test", test)):
        labels = rows[target] if part == "train" else [None] * len(rows)
        for key, label in zip(rows[features].itertuples(index=False, name=None), labels, strict=True):
            match = next((row for row in free.get(key, []) if label is None or table[target].iloc[row] == label), None)
            if match is None:
                raise ValueError(f"row {len(found)} of {part} and its target are not in the table: {key}")
            free[key].remove(match)
            found.append((part, match))
    return pd.DataFrame(found, columns=["part", "row"])
