"""The settings of week 6; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "drawn")  # the first that is there
    small_sources: tuple[str, ...] = ("folder", "drawn")  # of the section on 28-pixel pictures
    characters: int = 42  # of the drawn cast
    per_class: int | None = None  # drawn pictures of each; None gives the homework's long tail
    few: tuple[int, int] | None = None  # so many training and test pictures of each are drawn; None: all
    seed: int = 42
    side: int = 128  # pixels of the square that the networks see
    validation: float = 0.2  # share of the training part on which the best epoch is chosen
    backbone: str = "auto"  # mobilenet_v2 if its ImageNet weights are there, else efficientnet_lite0
    batch: int = 32
    head_epochs: int = 4  # with the backbone frozen
    epochs: int = 10  # of all layers, and of the small network from nothing
    lr: float = 1e-3
    smoothing: float = 0.1  # of the labels
    balance: float = 0.5  # how much more often rare classes are shown, see train.EpochSampler
    margin: float = 1.0  # by how much they have to win, see train.TailLoss
    practice: bool = False  # train for a moment only, to show that the loop runs, before the released results
    retrain: bool = False  # train even where finished weights are at hand
    ablation: bool = False  # train the rows of the ablation that no record holds
    ablation_epochs: int = 8
    ablation_side: int = 96
    ablation_share: float = 1 / 3  # of the training part
    small_side: int = 28
    upscaled: int = 96  # pixels to which the backbone sees 28 enlarged
    small_epochs: int = 24
    upscaled_epochs: int = 8
    probes: tuple[int, ...] = (10, 100, 0)  # pictures a class from which features are judged; 0 takes all
    final_pictures: int = 1000  # of the training part, for the epoch before the submission
    timed: tuple[int, int] = (32, 128)  # images of a batch, and their pixels, for the timing of training steps
    resamples: int = 1000  # of the test part, for intervals


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few images of each character of `sample`. The trainings only start; then the released results are shown.
    "tiny": replace(
        SAMPLE,
        sources=("drawn",),
        small_sources=("drawn",),
        few=(3, 2),
        backbone="efficientnet_lite0",
        practice=True,
        ablation=True,
        ablation_share=0.67,  # two of three images of each character, one of them for validation
        upscaled=32,
        timed=(2, 32),
        probes=(1, 0),
        final_pictures=24,
        resamples=100,
    ),
    "sample": SAMPLE,
    # The competition's own pictures, at the homework's size.
    "full": replace(
        SAMPLE, sources=("folder", "download"), small_sources=("folder",), side=224, batch=64, ablation=True
    ),
}
