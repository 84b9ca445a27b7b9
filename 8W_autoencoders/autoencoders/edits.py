"""Editing attributes: directions in the latent space, and curves of identity against attribute over the step size."""

from collections.abc import Callable

import numpy as np
import pandas as pd

TARGET = 0.8  # the fraction of edited faces that should be read as having the attribute
BOUNDS = (0.1, 0.9)  # the fractions between which the area is computed


def mean_direction(latents: np.ndarray, labels: np.ndarray, name: str) -> np.ndarray:
    """The mean latent of faces with the attribute minus that of faces without, (latent,); labels are 1, 0 or NaN.

    Raises: ValueError if one of the classes is missing; `name` is the attribute's.
    """
    present, absent = latents[labels == 1], latents[labels == 0]
    if len(present) == 0 or len(absent) == 0:
        raise ValueError(f"{name}: {len(present)} faces with and {len(absent)} without; both are needed")
    return present.mean(axis=0) - absent.mean(axis=0)


def trace(edit: Callable[[float], np.ndarray], steps: np.ndarray, read: Callable, keep: Callable) -> pd.DataFrame:
    """For each step size: the fraction of edited images that `read` (bool) says have the attribute, and of `keep`.

    `edit(step)` returns images (n, S, S, 3); `read` and `keep` return a value for each; NaN of `keep` is left out.
    """
    rows = {}
    for step in steps:
        images = edit(step)
        rows[step] = {"attribute": float(np.mean(read(images))), "identity": float(np.nanmean(keep(images)))}
    return pd.DataFrame(rows).T.rename_axis("step")


def identity_at(curve: pd.DataFrame, rate: float = TARGET) -> float:
    """The identity rate at the smallest step at which this rate of the attribute is reached, by linear interpolation.

    It is 0 if the rate is not reached.
    """
    attribute, identity = curve["attribute"].to_numpy(), curve["identity"].to_numpy()
    reached = np.flatnonzero(attribute >= rate)
    if len(reached) == 0:
        return 0.0
    after = reached[0]
    if after == 0:
        return float(identity[0])
    return float(np.interp(rate, attribute[[after - 1, after]], identity[[after - 1, after]]))


def area(curve: pd.DataFrame, points: int = 81) -> float:
    """The area under identity against attribute: the mean of `identity_at` over the rates between BOUNDS."""
    return float(np.mean([identity_at(curve, rate) for rate in np.linspace(*BOUNDS, points)]))
