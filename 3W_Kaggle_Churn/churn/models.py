"""The models: logistic regression in one pipeline, CatBoost as the original notebook had it, and blends."""

import pandas as pd
from catboost import CatBoostClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler

from churn.data import CATEGORICAL, NUMERIC

LEFT_OUT = ("Sex", "TotalSpent")  # the original notebook's choice; TotalSpent is nearly a product of two others


def build_logistic(c: float = 1.0, curves: bool = False) -> Pipeline:
    """Logistic regression on scaled numbers and one column a category; `curves` lets each number act along a spline.

    A category that training never had becomes a row of zeros.
    """
    numbers = make_pipeline(SplineTransformer(n_knots=6), StandardScaler()) if curves else StandardScaler()
    columns = make_column_transformer((numbers, NUMERIC), (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL))
    return make_pipeline(columns, LogisticRegression(C=c, max_iter=5000))


def drop_columns(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The table without `columns`."""
    return table.drop(columns=list(columns))


def build_catboost(settings: dict, seed: int, threads: int, left_out: tuple[str, ...] = LEFT_OUT) -> Pipeline:
    """CatBoost on the features but `left_out`, with the categories left to it. Source: arXiv:1706.09516."""
    model = CatBoostClassifier(
        cat_features=tuple(column for column in CATEGORICAL if column not in left_out),  # a list cannot be cloned
        random_seed=seed,
        thread_count=threads,
        verbose=False,
        allow_writing_files=False,
        **settings,
    )
    return make_pipeline(FunctionTransformer(drop_columns, kw_args={"columns": left_out}), model)


def build_defaults(trees: int, seed: int, threads: int) -> Pipeline:
    """CatBoost with every column and no setting of ours but, for `tiny`, fewer trees than its thousand."""
    return build_catboost({"iterations": 2 * trees}, seed, threads, left_out=())


def build_reference(trees: int, seed: int, threads: int) -> Pipeline:
    """The original notebook's best: ordered boosting, learning rate 0.03, without Sex and TotalSpent."""
    settings = {"iterations": trees, "learning_rate": 0.03, "boosting_type": "Ordered"}
    return build_catboost(settings, seed, threads)


def build_blend(catboost: Pipeline, logistic: Pipeline, share: float) -> VotingClassifier:
    """The average of both models' probabilities; `share` of it from the logistic regression."""
    return VotingClassifier([("catboost", catboost), ("logistic", logistic)], voting="soft", weights=[1 - share, share])
