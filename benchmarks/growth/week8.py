"""8W: an epoch of the autoencoder, against the number of faces."""

import numpy as np

from autoencoders.losses import autoencoder_loss
from autoencoders.models import build_face_model
from autoencoders.sets import FaceSet
from autoencoders.train import TrainConfig, fit
from coursework.runtime import half_precision

TITLE, SIZES = "8W an epoch, faces", (128, 256, 512, 1024)


def prepare(n: int):
    """What is timed, for so many faces of 64 pixels."""
    images = np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
    shown, few = FaceSet(images, mirror=True), FaceSet(images[:2])
    model = build_face_model("ae", 64, 16, 128)
    return lambda: fit(model, autoencoder_loss, shown, few, TrainConfig(1, 32, precision=half_precision()))
