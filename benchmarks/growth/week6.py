"""6W: an epoch of fine-tuning, against the number of images."""

import numpy as np

from coursework.runtime import half_precision
from simpsons.data import ImageData
from simpsons.models import build_mobilenet
from simpsons.train import TrainConfig, fit

TITLE, SIZES = "6W an epoch, images", (64, 128, 256, 512)


def prepare(n: int):
    """What is timed, for so many images of 64 pixels."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8), np.arange(n) % 8
    images = ImageData(pixels, labels, [""] * n)
    model = build_mobilenet(8)
    return lambda: fit(model, images, None, TrainConfig(1, precision=half_precision()))
