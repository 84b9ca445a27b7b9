"""11W: heads found in pictures, against their number."""

import numpy as np

from hardhat import detector
from hardhat.config import CONFIGS

TITLE, SIZES = "11W heads found, pictures", (16, 32, 64, 128)


def prepare(n: int):
    """What is timed, for so many pictures of 416 pixels."""
    squares = np.random.default_rng(0).integers(0, 256, (n, 416, 416, 3), dtype=np.uint8)
    model = detector.fuse(detector.build_model("centernet_lite0", CONFIGS["sample"]))

    def find() -> None:
        for start in range(0, n, 8):
            detector.detect_squares(model, squares[start : start + 8])

    return find
