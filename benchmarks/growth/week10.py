"""10W: as many steps of a pair as show every face once, against the number of faces."""

import numpy as np

from gan.recipe import Recipe
from gan.train import fit

TITLE, SIZES = "10W one look at all, faces", (128, 256, 512, 1024)


def prepare(n: int):
    """What is timed, for so many faces of 64 pixels."""
    images = np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
    steps = n // 32
    recipe = Recipe(side=64, width_g=16, width_d=16, batch=32, steps=steps, period=steps)
    return lambda: fit(recipe, images)
