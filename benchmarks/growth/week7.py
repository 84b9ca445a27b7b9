"""7W: an epoch of U-Net, against the number of cases."""

import numpy as np

from coursework.runtime import half_precision
from segmentation.data import Lesions
from segmentation.models import build_model
from segmentation.train import TrainConfig, fit

TITLE, SIZES = "7W an epoch, cases", (32, 64, 128, 256)


def prepare(n: int):
    """What is timed, for so many cases of 96 pixels."""
    rng = np.random.default_rng(0)
    images, masks = rng.integers(0, 256, (n, 96, 96, 3), dtype=np.uint8), np.zeros((n, 96, 96), np.uint8)
    masks[:, 30:60, 20:70] = 1
    lesions = Lesions(images, masks, [str(k) for k in range(n)])
    few = lesions.take(np.arange(2))
    return lambda: fit(build_model("unet", 16), lesions, few, TrainConfig("dice", 1, precision=half_precision()))
