"""A blind check: pairs of a real face with an attribute and an edited one, rated by somebody who sees only these."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from coursework.figures import image_grid
from coursework.provenance import short_hash

COLUMNS = ("attribute", "pair", "side")  # that identify a picture, in the key and in the ratings
SIDES = ("left", "right")


def arrange(real: np.ndarray, edited: np.ndarray, attribute: str, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Pairs of images, (n, 2, S, S, 3), the real one left or right at random, and the key.

    real and edited (n, S, S, 3). The key has a row for each picture: COLUMNS, and whether it is `edited`.
    """
    swapped = np.random.default_rng(seed).random(len(real)) < 0.5
    both = np.stack([real, edited], axis=1)
    both[swapped] = both[swapped][:, ::-1]
    rows = [
        (attribute, number, side, bool(swap) == (side == "left"))
        for number, swap in enumerate(swapped, 1)
        for side in SIDES
    ]
    return both, pd.DataFrame(rows, columns=[*COLUMNS, "edited"])


def digest(key: str, with_it: np.ndarray, without: np.ndarray, step: float) -> str:
    """What identifies the pictures of a sheet: the editor's key, the rows of the faces, and the step size."""
    return short_hash(key, with_it.tolist(), without.tolist(), round(float(step), 2))


def draw_sheet(pairs: np.ndarray, attribute: str, columns: int = 5):
    """A figure of all pairs (n, 2, S, S, 3), numbered; it says nothing of which picture is edited."""
    joined = np.concatenate([pairs[:, 0], np.ones_like(pairs[:, 0, :, :4]), pairs[:, 1]], axis=2)
    figure = image_grid(joined, [f"{attribute} {number}" for number in range(1, len(pairs) + 1)], columns, size=2.4)
    figure.set_size_inches(2.4 * columns, 1.5 * -(-len(pairs) // columns))
    return figure


def read_ratings(path: Path) -> tuple[pd.DataFrame, str]:
    """The ratings, COLUMNS, `present` (1 or 0) and `edited` (1 or 0, the rater's guess), and who rated.

    The first line of the file is "# rated by …". Raises: ValueError for a file of another form.
    """
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    table = pd.read_csv(io.StringIO(rest)) if rest.strip() else pd.DataFrame()
    if not first.startswith("# rated by ") or list(table) != [*COLUMNS, "present", "edited"]:
        names = ", ".join([*COLUMNS, "present", "edited"])
        raise ValueError(f"{path.name}: expected a line '# rated by …', then the columns {names}")
    if not table[["present", "edited"]].isin([0, 1]).all(axis=None) or table.duplicated(list(COLUMNS)).any():
        raise ValueError(f"{path.name}: present and edited must be 0 or 1, and each picture must be there once")
    return table, first.removeprefix("# ")


def summarise(key: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """For each attribute: how often it was seen in real and in edited faces, and how often the edited one was found.

    Raises: ValueError if the ratings are not those of the pictures of the key.
    """
    both = key.merge(ratings, on=list(COLUMNS), suffixes=("", " guess"), how="outer", indicator=True)
    if not (both["_merge"] == "both").all():
        raise ValueError("the ratings and the key name different pictures")
    rows = {}
    for attribute, some in both.groupby("attribute", sort=False):
        edited = some["edited"].astype(bool)
        rows[attribute] = {
            "pairs": int(edited.sum()),
            "seen in real": some.loc[~edited, "present"].mean(),
            "seen in edited": some.loc[edited, "present"].mean(),
            "edited one found": some.loc[edited, "edited guess"].mean(),
        }
    return pd.DataFrame(rows).T
