"""The settings of week 2; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    train_rows: int | None = None  # of MNIST's 60,000; None takes all
    test_rows: int | None = None  # of MNIST's 10,000
    seed: int = 42
    folds: int = 3  # the course's
    few_rows: int = 400  # training images where a model is to overfit
    samples: int = 10  # such training sets
    seeds: int = 5  # trainings of each method, where methods are compared
    alpha: float = 0.01  # strength of the penalty where optimisers are compared
    l1_ratio: float = 0.5  # fraction of L1 in it
    path: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03)  # strengths of L1 for the images of weights
    zero_one_alpha: float = 1e-3  # strength of L2 for zeros against ones: hardly any is needed
    digits_alpha: float = 1e-4  # strength of L2 for all ten digits
    digits_lr: float = 0.02  # of the L1 path; with ten classes the loss has more curvature: lower than the default


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few hundred zeros and ones: the same code in seconds.
    "tiny": replace(SAMPLE, train_rows=2000, test_rows=500, few_rows=60, samples=2, seeds=3, path=(0.001, 0.01, 0.03)),
    "sample": SAMPLE,
    # All of MNIST is embedded, so `sample` is already the course's own size.
    "full": SAMPLE,
}
