"""The settings of week 6; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "synthetic")  # the first available one is used
    small_sources: tuple[str, ...] = ("folder", "synthetic")  # of the section on 28-pixel images
    characters: int = 42  # of the synthetic cast
    per_class: int | None = None  # synthetic images of each; None gives the homework's long tail
    few: tuple[int, int] | None = None  # numbers of training and test images to generate per character; None: all
    seed: int = 42
    side: int = 160  # pixels
    validation: float = 0.2  # fraction of the training images on which the best epoch is selected
    download: bool = True  # of ImageNet weights if no local file exists
    batch: int = 32
    epochs: int = 10  # of fine-tuning
    lr: float = 1e-3  # of the features
    head_lr: float = 2e-3  # of the new head
    adjustment: float = 1.0  # strength of the logit adjustment
    other_seeds: tuple[int, ...] = (43, 44)  # of fine-tuning; only the weights of `seed` are released
    scratch_epochs: int = 60
    practice: bool = False  # each training run stops after one short epoch; then the released results are shown
    retrain: bool = False  # train even if finished weights exist
    ablation: bool = False  # compute the rows of the ablation study without a record
    ablation_seeds: tuple[int, ...] = (0, 1, 2, 3)
    ablation_epochs: int = 6
    ablation_side: int = 96
    ablation_fraction: float = 0.25  # of the training images; the others are for the evaluation
    small_side: int = 28
    enlarged: int = 160  # pixels to which images of 28 pixels are enlarged
    small_epochs: int = 15
    final_images: int = 1000  # of the training set, for the epoch before the submission
    timed: tuple[int, int] = (32, 128)  # images of a batch, and their pixels, for the timing of training steps
    resamples: int = 1000  # of the test set, for intervals


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few images of each character. Each training run is one short epoch; then the released results are shown.
    "tiny": replace(
        SAMPLE,
        sources=("synthetic",),
        small_sources=("synthetic",),
        few=(3, 2),
        download=False,
        practice=True,
        ablation=True,
        ablation_seeds=(0, 1),
        enlarged=32,
        timed=(2, 32),
        final_images=24,
        resamples=100,
    ),
    "sample": SAMPLE,
    # The competition's own images, at the homework's size.
    "full": replace(
        SAMPLE, sources=("folder", "download"), small_sources=("folder",), side=224, batch=64, ablation=True
    ),
}
