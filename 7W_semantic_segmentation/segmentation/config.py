"""The settings of week 7; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "synthetic")  # the first available one is used
    parts: tuple[int, int, int] = (100, 50, 50)  # images for training, validation and testing, as in the homework
    seed: int = 42  # of the split and of random choices in the report
    few: tuple[int, int, int] | None = None  # use only this many images of each part; None: all
    synthetic_seed: int = 7  # of the synthetic images
    seeds: tuple[int, ...] = (0, 1)  # of the trainings; each network is trained with each loss and each seed
    image_size: int = 128  # pixels; the homework's 256 takes four times as long
    width: int = 16  # channels of the first layer; the papers' 64 takes sixteen times as long
    batch_size: int = 16
    epochs: int = 80
    lr: float = 2e-3
    warmup: float = 0.2  # fraction of the epochs that are trained with cross-entropy, whatever loss follows
    pretrained_size: int = 192  # pixels, for the network with a pretrained encoder
    pretrained_epochs: int = 40
    pretrained_lr: float = 2e-3  # of the decoder
    encoder_lr: float = 5e-4
    folds: int = 5  # of the cross-validation of the pretrained network
    practice: bool = False  # each training run stops after two short epochs; then the released results are shown
    retrain: bool = False  # train even if finished records and weights exist
    resamples: int = 2000  # of the test images, for intervals


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few of the synthetic images. Each training run is two short epochs; then the released results are shown.
    "tiny": replace(SAMPLE, sources=("synthetic",), few=(12, 4, 24), practice=True, resamples=200),
    "sample": SAMPLE,
    # The homework's own size, wider networks, more epochs and seeds.
    "full": replace(SAMPLE, sources=("folder",), seeds=(0, 1, 2), image_size=256, width=32, epochs=150),
}
