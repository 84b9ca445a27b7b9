"""6W: an epoch of fine-tuning, against the number of pictures."""

import numpy as np

from coursework.runtime import half_precision
from simpsons.data import Pictures
from simpsons.models import build_model
from simpsons.train import TrainConfig, fit

TITLE, SIZES = "6W an epoch, pictures", (64, 128, 256, 512)


def prepare(n: int):
    """What is timed, for so many pictures of 64 pixels."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8), np.arange(n) % 8
    pictures = Pictures(images, labels, [""] * n)
    model = build_model("efficientnet_lite0", 8)
    return lambda: fit(model, pictures, None, TrainConfig(1, precision=half_precision()))
