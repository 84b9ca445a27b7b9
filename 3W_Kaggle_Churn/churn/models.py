"""The models: logistic regression in one pipeline, and CatBoost in three settings."""

import pandas as pd
from catboost import CatBoostClassifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler

from churn.data import CATEGORICAL, NUMERIC

LEFT_OUT = ("Sex", "TotalSpent")  # the original notebook's choice; TotalSpent is nearly a product of two others
SHALLOW = {"boosting_type": "Plain", "depth": 3, "learning_rate": 0.05}
REFERENCE = {"boosting_type": "Ordered", "learning_rate": 0.03}  # the original notebook's best, with trees of depth 6


def build_logistic(c: float = 1.0, splines: bool = False, left_out: tuple[str, ...] = ()) -> Pipeline:
    """Logistic regression on scaled numeric columns and one-hot categories; `splines` adds a spline basis for numbers.

    Columns in `left_out` are not used. A category that training did not contain becomes a row of zeros.
    """
    numbers = [column for column in NUMERIC if column not in left_out]
    categories = [column for column in CATEGORICAL if column not in left_out]
    scaled = make_pipeline(SplineTransformer(), StandardScaler()) if splines else StandardScaler()
    encoded = make_column_transformer((scaled, numbers), (OneHotEncoder(handle_unknown="ignore"), categories))
    return make_pipeline(encoded, LogisticRegression(C=c, max_iter=5000))


def drop_columns(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The table without `columns`."""
    return table.drop(columns=list(columns))


def build_catboost(settings: dict, seed: int, threads: int = 1, left_out: tuple[str, ...] = LEFT_OUT) -> Pipeline:
    """CatBoost on all columns but `left_out`; it encodes the categories itself. Source: arXiv:1706.09516."""
    model = CatBoostClassifier(
        cat_features=tuple(column for column in CATEGORICAL if column not in left_out),  # a list cannot be cloned
        random_seed=seed,
        thread_count=threads,
        verbose=False,
        allow_writing_files=False,
        **settings,
    )
    return make_pipeline(FunctionTransformer(drop_columns, kw_args={"columns": left_out}), model)
