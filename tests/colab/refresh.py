"""python tests/colab/refresh.py: bring preinstalled.txt to the versions that Colab publishes."""

import re
import urllib.request
from pathlib import Path

LIST = "https://raw.githubusercontent.com/googlecolab/backend-info/main/pip-freeze.txt"
PATH = Path(__file__).with_name("preinstalled.txt")


def refresh(pins: str, published: str) -> str:
    """`pins`, each at the version of `published`, pip's list, in which a wheel's address may stand for a version.

    Raises: ValueError for a pin that the list lacks.
    """
    versions = {}
    for line in published.splitlines():
        if found := re.match(r"([\w.-]+)\s*(?:==|@ \S*/[\w.]+-)([\d.]+)", line):
            versions[found[1].lower()] = found[2].rstrip(".")
    lines = []
    for line in pins.splitlines():
        name, pinned, _ = line.partition("==")
        if pinned and name not in versions:
            raise ValueError(f"Colab's list has no {name} any more; remove it from {PATH.name}")
        lines.append(f"{name}=={versions[name]}" if pinned else line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with urllib.request.urlopen(LIST, timeout=60) as answer:
        PATH.write_text(refresh(PATH.read_text(encoding="utf-8"), answer.read().decode()), encoding="utf-8")
