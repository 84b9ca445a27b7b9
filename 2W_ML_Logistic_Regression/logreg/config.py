"""The settings of week 2; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    train_rows: int | None = None  # of MNIST's 60,000; None takes all
    test_rows: int | None = None  # of MNIST's 10,000
    seed: int = 42
    folds: int = 3  # the course's
    batch_size: int = 128
    alpha: float = 0.01  # weight of the penalty where we compare optimisers
    l1_ratio: float = 0.5  # its share of L1
    path: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03)  # L1 strengths of the weight images
    zero_one_alpha: float = 1e-3  # L2 strength for zeros against ones: hardly any is needed
    digits_alpha: float = 1e-4  # L2 strength for all ten digits
    digits_rate: float = 0.02  # ten classes bend the loss more, so the rate is lower than the default


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few hundred zeros and ones: the same code in seconds.
    "tiny": replace(SAMPLE, train_rows=2000, test_rows=500, path=(0.001, 0.01, 0.03)),
    "sample": SAMPLE,
    # All of MNIST is embedded, so `sample` is already the course's own size.
    "full": SAMPLE,
}
