"""What is known of a face: LFW's attribute file, or expressions and glasses that people labelled.

Sources: N. Kumar et al., "Attribute and simile classifiers for face verification", 2009 (lfw_attributes.txt); the
repository muxspace/facial_expressions (lfw_expressions.csv); glasses.csv is our own, from looking.
"""

from pathlib import Path

import numpy as np
import pandas as pd

GLASSES = Path(__file__).with_name("glasses.csv")
NAMES = {"Smiling": "smiling", "Eyeglasses": "glasses"}  # of the attribute file, and here


def read_all_attributes(folder: Path, files: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """A row a file, in their order: 1, 0 or NaN where nothing is known; and notes on what did not match.

    The columns smiling and glasses are always there, those of an attribute file besides.
    """
    if (folder / "lfw_attributes.txt").is_file():
        return match(read_lfw_attributes(folder / "lfw_attributes.txt"), files, "lfw_attributes.txt")
    found, notes = pd.DataFrame(np.nan, files, ["smiling", "glasses"]), []
    for name, path, read in (
        ("smiling", folder / "lfw_expressions.csv", read_expressions),
        ("glasses", GLASSES, read_glasses),
    ):
        if path.is_file():
            table, lines = match(read(path).to_frame(name), files, path.name)
            found[name] = table[name]
            notes += lines
    return found, notes


def match(table: pd.DataFrame, files: list[str], source: str) -> tuple[pd.DataFrame, list[str]]:
    """`table` (index: file names) in the order of `files`, and how many of either have no partner."""
    if table.index.has_duplicates:
        raise ValueError(f"{source} has {table.index[table.index.duplicated()][0]} twice")
    unknown, missing = len(table.index.difference(files)), len(pd.Index(files).difference(table.index))
    notes = [f"{source}: {unknown:,} rows without an image"] if unknown else []
    notes += [f"{source}: {missing:,} images without a row"] if missing else []
    return table.reindex(files), notes


def read_lfw_attributes(path: Path) -> pd.DataFrame:
    """lfw_attributes.txt: two lines of comment, the second with the columns, tabs between; positive means yes.

    Raises: ValueError that names the line for a row that is cut off or holds no number, or for what is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is no text ({error}); fetch it again") from None
    columns = lines[1].lstrip("#").strip("\t ").split("\t") if len(lines) > 1 else []
    if not {"person", "imagenum"} <= set(columns):
        raise ValueError(f"{path.name}: the second line names no columns person and imagenum; fetch it again")
    rows = {}
    for number, line in enumerate(lines[2:], 3):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ValueError(f"{path.name}, line {number}: {len(cells)} cells, expected {len(columns)}; fetch it again")
        row = dict(zip(columns, cells, strict=True))
        try:
            file = f"{row.pop('person').replace(' ', '_')}_{int(row.pop('imagenum')):04d}.jpg"
            if file in rows:
                raise ValueError(f"{file} is there twice")
            rows[file] = {name: yes_or_no(value) for name, value in row.items()}
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}; fetch it again") from None
    table = pd.DataFrame.from_dict(rows, orient="index").rename(columns=NAMES)
    lacking = [theirs for theirs, ours in NAMES.items() if ours not in table]
    if lacking:
        raise ValueError(f"{path.name} has no column {', '.join(lacking)}")
    return table


def yes_or_no(text: str) -> float:
    """1 for a positive number, 0 for any other. Raises ValueError for what is no number."""
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return float(value > 0)


EXPRESSIONS = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def read_expressions(path: Path) -> pd.Series:
    """lfw_expressions.csv: 1 for happiness, 0 for neutral, NaN for the rest, by file name."""
    emotions = read_csv(path, ["image", "emotion"])["emotion"].astype(object).fillna("").str.lower()
    unknown = emotions[~emotions.isin(EXPRESSIONS)]
    if len(unknown):
        advice = f"expected one of {', '.join(EXPRESSIONS)}; fetch it again"
        raise ValueError(f"{path.name} has {unknown.iloc[0]!r} for {unknown.index[0]}; {advice}")
    return emotions.map({"happiness": 1.0, "neutral": 0.0})


def read_glasses(path: Path) -> pd.Series:
    """glasses.csv: 1 or 0, by file name."""
    glasses = read_csv(path, ["image", "glasses"])["glasses"]
    if not glasses.isin([0, 1]).all():
        raise ValueError(f"{path.name}: glasses must be 0 or 1")
    return glasses.astype(float)


def read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table with these columns, by the first of them. Raises ValueError for other columns or a malformed row."""
    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}; fetch it again") from None
    if not set(columns) <= set(table.columns):
        raise ValueError(f"{path.name} has the columns {', '.join(table.columns)}; expected {', '.join(columns)}")
    return table[columns].set_index(columns[0])
