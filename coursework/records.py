"""Records: what a run measured, on which data, with which software; the source of every result in the READMEs."""

import json
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from coursework.profile import profile_name
from coursework.weeks import ROOT

RUN_KEYS = {"profile", "overrides", "seed", "data", "metrics", "from_record", "minutes", "environment"}


def build_root() -> Path:
    """The folder for everything that runs produce: COURSEWORK_BUILD, or `build/` at the repository's root."""
    return Path(os.environ.get("COURSEWORK_BUILD") or ROOT / "build").resolve()


def build_dir(week: str, profile: str | None = None) -> Path:
    """`build/<week>/<profile>`, created. Raises PermissionError that says how to build elsewhere."""
    return create(build_root() / week / (profile or profile_name()))


def create(folder: Path) -> Path:
    """A folder below the build folder, there from now on. Raises PermissionError that says how to build elsewhere."""
    advice = "set COURSEWORK_BUILD to a folder of yours"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"cannot create {folder} ({error.strerror}); {advice}") from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write to {folder}; {advice}")
    return folder


def keep_dir(week: str) -> Path:
    """`build/<week>/<profile>/keep`, created: what lies there is committed with the week when it is rendered."""
    return create(build_dir(week) / "keep")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` whole or not at all: to a temporary name beside it, then renamed."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `path` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def read_results(path: Path) -> dict:
    """Read a `results.json`: {"headline": source, "runs": {source: run}}; empty if there is none.

    Raises: ValueError if it is not one.
    """
    if not path.exists():
        return {"headline": None, "runs": {}}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        if results["headline"] not in results["runs"]:
            raise KeyError(results["headline"])
        for run in results["runs"].values():
            missing = RUN_KEYS - set(run)
            if missing:
                raise KeyError(*missing)
            run["data"]["name"], run["data"]["source"], run["data"]["items"], run["metrics"].items()
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        advice = "restore it from git, or delete it and render"
        raise ValueError(f"{path.name} is not a record ({error!r}); {advice}") from None
    return results


def read_leftover(path: Path) -> dict:
    """`read_results` for what lies below `build/`: a damaged leftover there is as good as none."""
    try:
        return read_results(path)
    except ValueError:
        return {"headline": None, "runs": {}}


def write_results(path: Path, results: dict) -> None:
    """Write a `results.json`, whole or not at all."""
    write_text(path, json.dumps(results, indent=2, ensure_ascii=False) + "\n")


@dataclass
class Run:
    """One run of a notebook on one data source: collects metrics, then `save`s them below `build/`.

    `recalled` lists metrics that were taken from a committed record instead of being computed again; `weights` holds
    the SHA-256 of each file of trained weights that the run used; `generator` the hash of what drew a stand-in.
    """

    week: str
    source: str
    description: str
    items: int
    seed: int
    environment: dict
    metrics: dict[str, float] = field(default_factory=dict)
    recalled: list[str] = field(default_factory=list)
    weights: dict[str, str] = field(default_factory=dict)
    generator: str | None = None
    started: float = field(default_factory=time.monotonic)

    def add(self, **metrics: float) -> None:
        """Record computed metrics. Raises ValueError for one that is not a finite number."""
        for name, value in metrics.items():
            value = value.item() if hasattr(value, "item") else value
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"metric {name} is {value!r}; expected a finite number")
            self.metrics[name] = value
            if name in self.recalled:
                self.recalled.remove(name)

    def quote(self, **metrics: float) -> None:
        """Record metrics of trainings that are not repeated here but read from their own records, marked as such."""
        self.add(**metrics)
        self.recalled += [name for name in metrics if name not in self.recalled]

    def recall(self, name: str, results: dict) -> float:
        """Take metric `name` from a committed record, marked as such. Raises ValueError if no run there has it."""
        recorded = results["runs"].get(self.source, {}).get("metrics", {})
        if name not in recorded:
            raise ValueError(f"no recorded run on {self.source} has {name}; compute it, or render the week first")
        self.recalled.append(name)
        self.metrics[name] = recorded[name]
        return recorded[name]

    def save(self) -> None:
        """Write this run to `build/<week>/<profile>/results.json`, beside runs on other sources.

        The first run that is saved is the headline. On the same source, other metrics, as of another notebook, are
        added to what is there; the same ones replace it.
        """
        path = build_dir(self.week) / "results.json"
        results = read_leftover(path)
        results["headline"] = results["headline"] or self.source
        own = self.as_dict()
        before = results["runs"].get(self.source)
        if before and not before["metrics"].keys() & own["metrics"].keys():
            own = join_runs(before, own)
        results["runs"][self.source] = own
        write_results(path, results)

    def as_dict(self) -> dict:
        """This run as it stands in a record."""
        return {
            "profile": profile_name(),
            "overrides": os.environ.get("COURSEWORK_SET", ""),
            "seed": self.seed,
            "data": {
                "name": self.source,
                "source": self.description,
                "items": self.items,
                **({"generator": self.generator} if self.generator else {}),
            },
            "metrics": self.metrics,
            "from_record": self.recalled,
            **({"weights": self.weights} if self.weights else {}),
            "minutes": round((time.monotonic() - self.started) / 60, 2),
            "environment": self.environment,
        }


def join_runs(first: dict, second: dict) -> dict:
    """One run of what two notebooks of a week have recorded on the same source."""
    weights = first.get("weights", {}) | second.get("weights", {})
    return second | {
        "metrics": first["metrics"] | second["metrics"],
        "from_record": first["from_record"] + second["from_record"],
        **({"weights": weights} if weights else {}),
        "minutes": round(first["minutes"] + second["minutes"], 2),
    }
