"""IBM's public Telco table in the columns of the Kaggle competition, whose customers are the same 7,043.

Source: IBM sample data "Telco Customer Churn", as published in the R package modeldata 1.4, MIT licence.
"""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from coursework.tables import check_columns, read_csv

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "telco_churn.csv.gz"
TEST_ROWS = 1761  # as many as the competition keeps back

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


def split_telco(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A training part and a test part of `TEST_ROWS`, with equal shares of churn, each numbered from 0."""
    train, test = train_test_split(table, test_size=TEST_ROWS, stratify=table["Churn"], random_state=seed)
    return train.reset_index(drop=True), test.reset_index(drop=True)
