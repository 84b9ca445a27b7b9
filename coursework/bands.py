"""Plausibility checks for tests: the range in which each recorded metric must lie, and whether losses decrease.

A notebook reports its metrics without judging them. For the data in the repository the plausible ranges are known;
`tests/bands.toml` lists them. They are not the tolerances of `reproduce`, which are in each week's `week.toml`.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from coursework.records import read_results
from coursework.weeks import ROOT

FILE = ROOT / "tests" / "bands.toml"


def read_bands(kind: str) -> dict[str, dict[str, list]]:
    """The bands of one kind, "tiny" by notebook or "committed" by week: {metric: [low, high]}.

    Either end may be the name of another metric, whose value it stands for.
    """
    return tomllib.loads(FILE.read_text(encoding="utf-8"))[kind]


def outside(bands: dict[str, list], metrics: dict[str, float]) -> Iterator[str]:
    """What is wrong: a line for every metric that is not there, or not within its band."""
    for name, ends in bands.items():
        missing = [key for key in (name, *ends) if isinstance(key, str) and key not in metrics]
        if missing:
            yield f"the metric {missing[0]} was not recorded; record it in the notebook, or change {FILE.name}"
            continue
        low, high = (metrics[end] if isinstance(end, str) else end for end in ends)
        if not low <= metrics[name] <= high:
            yield f"{name} is {metrics[name]:.4g}, expected {low:.4g} to {high:.4g}"


def recorded_metrics(path: Path) -> dict[str, float]:
    """All metrics of a `results.json`; of those that several runs have, the headline run's."""
    results = read_results(path)
    runs = {name: run["metrics"] for name, run in results["runs"].items()}
    return {key: value for run in runs.values() for key, value in run.items()} | runs.get(results["headline"], {})


def rising_losses(folder: Path) -> Iterator[str]:
    """A line for every training with weights in `folder` whose loss was never below that of its first epoch."""
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:  # the header: its length in eight bytes, then JSON
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        losses = [row["loss"] for row in json.loads(header["__metadata__"]["facts"])["history"] if "loss" in row]
        if len(losses) > 1 and min(losses[1:]) >= losses[0]:
            yield f"{path.name}: the loss did not decrease during training: {losses}"
