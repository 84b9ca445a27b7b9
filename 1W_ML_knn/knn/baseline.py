"""The baseline: logistic regression on features scaled to [0, 1], and its grid over C and the penalty."""

import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

PENALTIES = ("l1", "l2")


def penalty_keywords(penalty: str) -> dict[str, str | float]:
    """The keywords that give LogisticRegression an L1 or L2 penalty in the installed scikit-learn.

    1.8 replaced `penalty` by `l1_ratio` (1 is L1, 0 is L2); before, `l1_ratio` alone had no effect.
    Raises: ValueError for another penalty.
    """
    if penalty not in PENALTIES:
        raise ValueError(f"unknown penalty {penalty!r}; there are: {', '.join(PENALTIES)}")
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    if version >= (1, 8):
        return {"l1_ratio": float(penalty == "l1")}
    return {"penalty": penalty}


def build_logistic(seed: int, penalty: str = "l2", c: float = 1.0) -> Pipeline:
    """Logistic regression that converges: SAGA needs features of one size, and these range from 0/1 to 7,000 m."""
    regression = LogisticRegression(
        solver="saga", C=c, max_iter=3000, tol=1e-3, random_state=seed, **penalty_keywords(penalty)
    )
    return make_pipeline(MinMaxScaler(), regression)


def search_logistic(features, labels, strengths: tuple[float, ...], folds: int, seed: int, jobs: int) -> GridSearchCV:
    """GridSearchCV over C and both penalties, fitted; every candidate scales within its own fold."""
    name = "logisticregression"
    grid = [
        {f"{name}__C": list(strengths), **{f"{name}__{key}": [value] for key, value in penalty_keywords(kind).items()}}
        for kind in PENALTIES
    ]
    return GridSearchCV(build_logistic(seed), grid, cv=folds, n_jobs=jobs).fit(features, labels)
