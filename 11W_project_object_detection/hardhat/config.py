"""The settings of week 11; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("drawn",)  # of what is trained on first
    drawn: tuple[int, int, int] = (800, 150, 250)  # drawn sites to train on, to validate on, to be judged on
    drawing_seed: int = 11
    photographs: tuple[int, int] = (121, 60)  # of those at hand: to learn from, to be judged on
    seed: int = 42
    side: int = 416
    epochs: int = 24
    rivals: tuple[str, ...] = ("retinanet", "fcos")
    batch: int = 8
    workers: int = 0  # processes that read pictures
    retrain: bool = False  # train even where finished weights are at hand


SAMPLE = Config()
CONFIGS = {
    "tiny": replace(SAMPLE, drawn=(16, 6, 8), side=96, epochs=2, rivals=("fcos",), batch=4),
    "sample": SAMPLE,
    "full": replace(SAMPLE, sources=("folder",), epochs=60, batch=16),
}
