"""3W: a hundred trees of CatBoost with ordered boosting, against the number of customers."""

import pandas as pd

from churn.config import CONFIGS
from churn.data import clean, load_customers
from churn.models import build_catboost

TITLE, SIZES = "3W a hundred trees, customers", (2500, 5000, 10_000, 20_000)


def prepare(n: int):
    """What is timed, for so many customers, drawn again from those that there are."""
    customers = load_customers(CONFIGS["sample"])
    table = clean(customers.train)
    rows = pd.Series(range(len(table))).sample(n, replace=True, random_state=0)
    features, labels = table.iloc[rows].reset_index(drop=True), customers.labels.iloc[rows].reset_index(drop=True)
    model = build_catboost({"iterations": 100, "boosting_type": "Ordered"}, seed=0, threads=1)
    return lambda: model.fit(features, labels)
