"""Covertype: which trees grow on a 30 m square of forest, from maps alone.

Source: Blackard and Dean 1999, UCI Machine Learning Repository, doi:10.24432/C50K5N, CC BY 4.0.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from coursework.downloads import download
from coursework.fetching import COVERTYPE
from coursework.tables import check_categories, check_class_labels, check_columns, check_finite, read_csv
from knn.config import Config

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "covertype_10k.csv.gz"

MEASURED = [
    "Elevation",
    "Aspect",
    "Slope",
    "Horizontal_Distance_To_Hydrology",
    "Vertical_Distance_To_Hydrology",
    "Horizontal_Distance_To_Roadways",
    "Hillshade_9am",
    "Hillshade_Noon",
    "Hillshade_3pm",
    "Horizontal_Distance_To_Fire_Points",
]
WILDERNESS = [f"Wilderness_Area{number}" for number in range(1, 5)]
SOIL = [f"Soil_Type{number}" for number in range(1, 41)]
FEATURES = MEASURED + WILDERNESS + SOIL
TARGET = "Cover_Type"
CLASSES = {
    1: "spruce and fir",
    2: "lodgepole pine",
    3: "ponderosa pine",
    4: "cottonwood and willow",
    5: "aspen",
    6: "Douglas fir",
    7: "krummholz",
}


@dataclass(frozen=True)
class Covertype:
    """Features, float64 (n, 54), and labels 1 to 7, int64 (n,), with where they come from."""

    features: pd.DataFrame
    labels: pd.Series
    name: str
    source: str


def load_covertype(config: Config) -> Covertype:
    """The rows that `config` asks for: those committed in this week, or all of Covertype.

    Raises: FileNotFoundError or ValueError that names what is missing or wrong, and what to do.
    """
    if config.embedded:
        table, name = read_csv(EMBEDDED), "covertype_10k"
        source = "10,000 of the 581,012 rows of UCI Covertype, CC BY 4.0"
    else:
        # The publisher's rows are in an order of their own; folds must not cut along it.
        table, name = fetch_all_rows().sample(frac=1, random_state=config.seed, ignore_index=True), "covertype"
        source = "all rows of UCI Covertype, CC BY 4.0"
    table = take_rows(check_table(table, name), config.rows, config.seed)
    features = table[FEATURES].astype(np.float64)
    return Covertype(features, table[TARGET].astype(np.int64), name, source)


def fetch_all_rows() -> pd.DataFrame:
    """All of Covertype, from `covertype/covtype.data.gz` of the data folder, which is downloaded once (11 MB).

    Raises: FileNotFoundError with instructions if it is neither there nor to be had, ValueError for a changed file.
    """
    try:
        path = download(COVERTYPE)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}, or use the profile sample") from None
    return pd.read_csv(path, header=None, names=[*FEATURES, TARGET])


def check_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its columns in order, if it is what Covertype must be; else ValueError."""
    table = check_columns(table, [*FEATURES, TARGET], name)
    check_finite(table, name)
    check_class_labels(table[TARGET], name)
    check_categories(table[TARGET], CLASSES, name)
    for group, columns in (("Wilderness_Area", WILDERNESS), ("Soil_Type", SOIL)):
        marks = table[columns].to_numpy()
        wrong = (marks.sum(axis=1) != 1) | ~np.isin(marks, (0, 1)).all(axis=1)
        if wrong.any():
            raise ValueError(
                f"{name}: row {wrong.argmax()} marks no or several of {group}1 to {group}{len(columns)} "
                f"({wrong.sum()} such rows), expected one 1 and else 0; correct or drop the rows"
            )
    return table


def take_rows(table: pd.DataFrame, rows: int | None, seed: int, least: int = 10) -> pd.DataFrame:
    """About `rows` random rows with the classes in proportion, but at least `least` of each class where it has them.

    The rows keep the order of the table. Raises ValueError if `rows` is below 1.
    """
    if rows is None or rows >= len(table):
        return table
    if rows < 1:
        raise ValueError(f"rows is {rows}; expected at least 1, or none for all {len(table)}")
    share = rows / len(table)
    parts = [
        part.sample(min(len(part), max(least, round(share * len(part)))), random_state=seed)
        for _, part in table.groupby(TARGET)
    ]
    return pd.concat(parts).sort_index().reset_index(drop=True)
