"""The settings of week 3; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("embedded",)  # the first that is there
    rows: int | None = None  # of the training part; None takes all
    seed: int = 42
    folds: int = 5
    repeats: int = 3  # of the folds on which models are compared
    c_values: tuple[float, ...] = (100, 10, 1, 0.1, 0.01, 0.001)  # of the logistic regression
    trees: int = 300  # of the shallow CatBoost, and the most that tuning may take
    reference_trees: int = 500  # of the original notebook's CatBoost
    default_trees: int = 1000  # CatBoost's own default
    trials: int = 30
    storage: str | None = "study.log"  # where `python -m churn` keeps its study; None keeps it in memory
    forest_trees: int = 60  # of the random forest on resampled rows
    permutations: int = 60
    explained: int = 1000  # customers in the SHAP summary
    resamples: int = 1000  # random draws for the bootstrap interval and for the simulated calibration errors
    threads: int = 2


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few hundred customers, a few small trees: the same code in seconds.
    "tiny": replace(
        SAMPLE,
        rows=400,
        folds=3,
        repeats=1,
        c_values=(10, 0.1),
        trees=20,
        reference_trees=20,
        default_trees=40,
        trials=4,
        storage=None,
        forest_trees=20,
        permutations=20,
        explained=100,
        resamples=100,
        threads=1,
    ),
    "sample": SAMPLE,
    # The competition's own files, and nothing in their place; a longer search.
    "full": replace(SAMPLE, sources=("folder", "download"), trials=200, permutations=1000),
}
