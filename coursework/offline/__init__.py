"""A folder to put on PYTHONPATH: its `sitecustomize` refuses every connection that would leave the machine."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def guarded(env: dict[str, str]) -> dict[str, str]:
    """`env` with the guard first on PYTHONPATH, so that every Python started with it is offline."""
    rest = [env["PYTHONPATH"]] if env.get("PYTHONPATH") else []
    return env | {"PYTHONPATH": os.pathsep.join([str(FOLDER), *rest])}
