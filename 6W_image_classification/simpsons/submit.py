"""The submission, `Id,Expected`, as Kaggle wants it."""

import pandas as pd

COLUMNS = ["Id", "Expected"]


def build_submission(files: list[str], names: list[str]) -> pd.DataFrame:
    """One row a test picture: its file name, and who it shows."""
    return pd.DataFrame({"Id": files, "Expected": names})


def check_submission(table: pd.DataFrame, files: list[str], classes: list[str]) -> None:
    """Raise ValueError for what Kaggle would refuse: columns, missing, double or foreign pictures, unknown names."""
    if list(table.columns) != COLUMNS:
        raise ValueError(f"columns {', '.join(map(str, table.columns))}; expected {', '.join(COLUMNS)}")
    if table["Id"].duplicated().any():
        raise ValueError(f"{table['Id'][table['Id'].duplicated()].iloc[0]} stands there twice")
    missing, foreign = sorted(set(files) - set(table["Id"])), sorted(set(table["Id"]) - set(files))
    if missing or foreign:
        example = (missing or foreign)[0]
        raise ValueError(f"{len(missing)} test pictures are missing and {len(foreign)} are none, {example} for example")
    unknown = sorted(set(table["Expected"]) - set(classes))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the {len(classes)} classes")
