"""The settings of week 11; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("drawn",)  # of what all detectors are trained on
    drawn: tuple[int, int, int] = (800, 150, 250)  # drawn sites to train on, to validate on, to be judged on
    few: tuple[int, int, int] | None = None  # of these, so many of each part are used, the first ones; None: all
    drawing_seed: int = 11
    photograph_sources: tuple[str, ...] = ("folder",)  # without any, what is about them is left out
    photographs: tuple[int, int] = (121, 60)  # of those at hand: to learn from, to be judged on
    further: tuple[int, int] = (8, 6)  # synthetic sites in their place, where tests want no photographs
    seed: int = 42
    side: int = 416  # pixels of the square that a picture is fitted into
    chosen: str = "centernet_lite0"
    rivals: tuple[str, ...] = ("centernet_r18", "retinanet_r18", "fcos_r18")
    resnet_weights: bool = False  # whether ResNets begin with ImageNet's if torchvision has them, else with nothing
    epochs: int = 16
    rate: float = 1e-3
    photograph_epochs: int = 40
    photograph_rate: float = 5e-4
    batch: int = 8
    workers: int = 0  # processes that read pictures
    timed: int = 12  # images, three or more: the median time of all but the first two is taken
    resamples: int = 2000  # of pictures, for intervals
    seconds: float = 10.0  # of the video
    practice: bool = False  # train for a moment only, to show that the loop runs, before the released results
    retrain: bool = False  # train even where finished weights are at hand


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few of the synthetic sites of `sample`. Each training only starts; then the released results are shown.
    "tiny": replace(
        SAMPLE,
        few=(2, 2, 12),
        photograph_sources=("drawn",),
        further=(2, 4),
        practice=True,
        timed=3,
        resamples=20,
        seconds=1.0,
    ),
    "sample": SAMPLE,
    # The course's 5,000 photographs, longer: a GPU.
    "full": replace(SAMPLE, sources=("folder",), resnet_weights=True, epochs=60, batch=16, workers=8),
}
