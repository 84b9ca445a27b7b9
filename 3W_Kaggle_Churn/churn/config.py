"""The settings of week 3; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "embedded")  # the first that is there
    rows: int | None = None  # of the training part; None takes all
    seed: int = 42
    folds: int = 5
    repeats: int = 3  # of the folds on which models are compared
    strengths: tuple[float, ...] = (100, 10, 1, 0.1, 0.01, 0.001)  # C of the logistic regression
    trees: int = 500  # of the reference, and the most that tuning may take
    trials: int = 60
    storage: str | None = "study.log"  # where the study is kept; None keeps it in memory
    permutations: int = 200
    explained: int = 1000  # customers in the SHAP summary
    resamples: int = 1000  # of the test part, for intervals
    threads: int = 2


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few hundred customers, a few small trees: the same code in seconds.
    "tiny": replace(
        SAMPLE,
        sources=("embedded",),
        rows=400,
        folds=3,
        repeats=1,
        strengths=(10, 0.1),
        trees=20,
        trials=4,
        storage=None,
        permutations=20,
        explained=100,
        resamples=100,
        threads=1,
    ),
    "sample": SAMPLE,
    # The competition's own files, and nothing in their place; a longer search.
    "full": replace(SAMPLE, sources=("folder", "download"), trials=200, permutations=1000),
}
