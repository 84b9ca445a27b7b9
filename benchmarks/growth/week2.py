"""2W: ten epochs of ten classes, against the number of images."""

import numpy as np

from logreg.model import SGDLogisticRegression

TITLE, SIZES = "2W ten epochs, images", (5000, 10_000, 20_000, 40_000)


def prepare(n: int):
    """What is timed, for so many images."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 784)).astype(np.float32), rng.integers(10, size=n)
    model = SGDLogisticRegression(max_epochs=10, tol=None, random_state=0)
    return lambda: model.fit(X, y)
