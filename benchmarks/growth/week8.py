"""8W: an epoch of the autoencoder, against the number of faces."""

import numpy as np

from autoencoders.face_losses import mse_step
from autoencoders.face_models import Autoencoder
from autoencoders.faces import FaceImages
from autoencoders.train import TrainConfig, fit
from coursework.runtime import half_precision

TITLE, SIZES = "8W an epoch, faces", (128, 256, 512, 1024)


def prepare(n: int):
    """What is timed, for so many faces of 64 pixels."""
    images = np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
    parts = FaceImages(images, mirror=True), FaceImages(images[:2])
    return lambda: fit(Autoencoder(64, 16, 128), mse_step, *parts, TrainConfig(1, 32, 1e-3, half_precision()))
