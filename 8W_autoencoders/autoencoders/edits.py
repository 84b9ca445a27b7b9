"""Editing attributes: directions in the latent space, and identity against attribute over the step size."""

from collections.abc import Callable

import numpy as np
import pandas as pd

TARGET = 0.8  # the fraction of edited faces that should be classified as having the attribute
RATES = np.linspace(0.1, 0.9, 81)  # of the attribute, over which identity rates are averaged


def mean_direction(latents: np.ndarray, labels: np.ndarray, name: str) -> np.ndarray:
    """The mean latent of faces with the attribute minus that of faces without, (latent,); labels are 1, 0 or NaN.

    Raises: ValueError if one of the classes is missing; `name` is the attribute's.
    """
    present, absent = latents[labels == 1], latents[labels == 0]
    if len(present) == 0 or len(absent) == 0:
        raise ValueError(f"{name}: {len(present)} faces with and {len(absent)} without; both are needed")
    return present.mean(axis=0) - absent.mean(axis=0)


def trace(edit: Callable[[float], np.ndarray], steps: tuple[float, ...], measures: dict[str, Callable]) -> pd.DataFrame:
    """For each step size the mean of each measure, which returns a value per edited image; NaN is left out.

    `edit(step)` returns images (n, S, S, 3).
    """
    rows = {}
    for step in steps:
        images = edit(step)
        rows[step] = {name: float(np.nanmean(measure(images))) for name, measure in measures.items()}
    return pd.DataFrame(rows).T.rename_axis("step")


def reach(curve: pd.DataFrame, wanted: str, rate: float = TARGET) -> float:
    """The value of `wanted`, a column or "step", where the attribute rate first reaches `rate`; linear between steps.

    NaN if it is not reached.
    """
    attribute = curve["attribute"].to_numpy()
    values = curve.index.to_numpy(float) if wanted == "step" else curve[wanted].to_numpy()
    reached = np.flatnonzero(attribute >= rate)
    if len(reached) == 0:
        return float("nan")
    after = reached[0]
    if after == 0:
        return float(values[0])
    return float(np.interp(rate, attribute[[after - 1, after]], values[[after - 1, after]]))


def area(curve: pd.DataFrame) -> float:
    """The mean identity rate over the attribute RATES; NaN unless all are reached."""
    return float(np.mean([reach(curve, "identity", rate) for rate in RATES]))
