"""The submission in Kaggle's format, `Id,Expected`."""

import pandas as pd

COLUMNS = ["Id", "Expected"]


def build_submission(files: list[str], names: list[str]) -> pd.DataFrame:
    """One row per test image: its file name and the name of its character."""
    return pd.DataFrame({"Id": files, "Expected": names})


def check_submission(table: pd.DataFrame, files: list[str], classes: list[str]) -> None:
    """Raise ValueError for a table that Kaggle would reject: wrong columns, images or names."""
    if list(table.columns) != COLUMNS:
        raise ValueError(f"columns {', '.join(map(str, table.columns))}; expected {', '.join(COLUMNS)}")
    if table["Id"].duplicated().any():
        raise ValueError(f"{table['Id'][table['Id'].duplicated()].iloc[0]} is listed twice")
    missing, unknown = sorted(set(files) - set(table["Id"])), sorted(set(table["Id"]) - set(files))
    if missing or unknown:
        example = (missing or unknown)[0]
        counts = f"{len(missing)} test images are missing, {len(unknown)} rows belong to none"
        raise ValueError(f"{counts}, for example {example}")
    names = sorted(set(table["Expected"]) - set(classes))
    if names:
        raise ValueError(f"{names[0]!r} is none of the {len(classes)} classes")
