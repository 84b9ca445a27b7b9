"""The settings of week 1; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    embedded: bool = True  # the rows committed in this folder, else all of Covertype
    rows: int | None = None  # how many of them, keeping every class; None takes all
    seed: int = 42
    test_size: float = 0.2  # the course's hold-out
    folds: int = 5
    largest_k: int = 10
    penalties: tuple[float, ...] = (0.1, 1.0, 10.0)  # C of the logistic regression
    compared_rows: int = 4000  # rows of the timed comparison of GridSearchCV with ours
    nested_rows: int | None = None  # rows for the nested estimate; None takes all
    sizes: tuple[int, ...] = (250, 500, 1000, 2000, 4000, 8000)  # training rows on the cost curve
    queries: int = 1000
    repeats: int = 5  # timings of each point on the cost curve; the median is drawn
    jobs: int = 2


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few hundred rows: seconds, and still ten of the rarest class for five folds.
    "tiny": replace(SAMPLE, rows=400, penalties=(1.0,), sizes=(50, 100, 200), queries=50, repeats=1, jobs=1),
    "sample": SAMPLE,
    # All 581,012 rows. GridSearchCV would need a day on them, and the nested estimate is five searches more.
    "full": replace(
        SAMPLE,
        embedded=False,
        nested_rows=100_000,
        sizes=(1000, 4000, 16_000, 64_000, 256_000, 580_012),
        repeats=3,
    ),
}
