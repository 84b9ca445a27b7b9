"""The settings of week 7; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "drawn")  # the first that is there
    parts: tuple[int, int, int] = (100, 50, 50)  # cases to train on, to validate on, to be judged on: the homework's
    seed: int = 42  # of the split, and of all that is drawn at random in the report
    few: tuple[int, int, int] | None = None  # so many of each part are used, the first ones; None: all
    drawing_seed: int = 7  # of the synthetic images
    seeds: tuple[int, ...] = (0, 1)  # of the trainings: every cell of the grid once with each
    side: int = 128  # pixels; the homework's 256 takes four times as long
    width: int = 16  # channels of the first layer; the papers' 64 takes sixteen times as long
    batch: int = 16
    epochs: int = 80
    lr: float = 2e-3
    warmup: float = 0.2  # share of the epochs with cross-entropy, whatever loss follows
    practice: bool = False  # train for a moment only, to show that the loop runs, before the released results
    retrain: bool = False  # train even where finished cells are at hand
    resamples: int = 2000  # of the test part, for intervals


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few of the synthetic images of `sample`. Each training only starts; then the released results are shown.
    "tiny": replace(SAMPLE, sources=("drawn",), few=(12, 4, 24), practice=True, resamples=200),
    "sample": SAMPLE,
    # The homework's own size, wider networks, more epochs and seeds.
    "full": replace(SAMPLE, sources=("folder",), seeds=(0, 1, 2), side=256, width=32, epochs=150),
}
