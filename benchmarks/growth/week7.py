"""7W: an epoch of U-Net, against the number of images."""

import numpy as np

from coursework.runtime import half_precision
from segmentation.data import UNKNOWN, LesionData
from segmentation.losses import dice_loss
from segmentation.models import UNet
from segmentation.train import TrainConfig, fit

TITLE, SIZES = "7W an epoch, images", (32, 64, 128, 256)


def prepare(n: int):
    """What is timed, for n images of 96 pixels."""
    rng = np.random.default_rng(0)
    images, masks = rng.integers(0, 256, (n, 96, 96, 3), dtype=np.uint8), np.zeros((n, 96, 96), np.uint8)
    masks[:, 30:60, 20:70] = 1
    lesions = LesionData(images, masks, [str(k) for k in range(n)], np.full(n, UNKNOWN))
    config = TrainConfig(1, precision=half_precision())
    return lambda: fit(UNet(16), lesions, lesions.first(2), config, dice_loss)
