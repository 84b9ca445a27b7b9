"""Records: what a run measured, on which data, with which software; the source of every result in the READMEs."""

import json
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from coursework.profile import profile_name
from coursework.weeks import ROOT

RUN_KEYS = {
    "profile", "overrides", "seed", "data", "metrics", "origins", "digests", "training", "minutes", "environment",
}  # fmt: skip
# Where a metric comes from, from the strongest evidence to the weakest: computed from data, with its training;
# evaluated from released weights; read from a committed record.
ORIGINS = ("computed", "weights", "record")
# How a line ends that a notebook prints if, at tiny, released results are not shown; the terminal repeats it.
ONLY_BEGUN = "what follows is a training that has only begun"


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
            run["data"]["name"], run["data"]["source"], run["data"]["items"], run["digests"].items()
            if run["metrics"].keys() != run["origins"].keys() or not set(run["origins"].values()) <= set(ORIGINS):
                raise KeyError("origins")
            if not all(map(is_number, run["metrics"].values())):
                raise TypeError("a metric is not a finite number")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        advice = "restore it from git, or delete it and render"
        raise ValueError(f"{path.name} is not a record ({error!r}); {advice}") from None
    return results


def read_leftover(path: Path) -> dict:
    """`read_results` for a file below `build/`: a damaged file from an earlier run counts as missing."""
    try:
        return read_results(path)
    except ValueError:
        return {"headline": None, "runs": {}}


def write_results(path: Path, results: dict) -> None:
    """Write a `results.json`, whole or not at all."""
    write_text(path, json.dumps(results, indent=2, ensure_ascii=False) + "\n")


def is_number(value: object) -> bool:
    """Whether `value` can be a metric: a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def weakest(*origins: str) -> str:
    """The origin of a metric that is computed from inputs of these origins: the weakest of them."""
    return max(origins, key=ORIGINS.index, default=ORIGINS[0])


@dataclass
class Run:
    """One run of a notebook on one data source: collects metrics, then `save`s them below `build/`.

    `origins` has one of ORIGINS for each metric, `digests` the SHA-256 of each committed file of weights and each
    committed record that the run used, `trainings` minutes, device and steps of the training behind each file of
    weights. `differing` counts items of the data that the committed trainings did not have; `generator` is the hash of
    what drew synthetic data.
    """

    week: str
    source: str
    description: str
    items: int
    seed: int
    environment: dict
    metrics: dict[str, float] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    trainings: dict[str, dict] = field(default_factory=dict)
    differing: int = 0
    generator: str | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Raise ValueError while results are reproduced, if no record is about this data set: before any training."""
        recorded = os.environ.get("COURSEWORK_REPRODUCE", "")
        if recorded and self.source not in recorded.split(","):
            names = recorded.replace(",", ", ")
            raise ValueError(
                f"this run is on {self.source}, but the record is about {names}: a data set of the record is not in "
                f"the data folder; the README of {self.week} says where to get it"
            )

    def add(self, origin: str = ORIGINS[0], /, **metrics: float) -> None:
        """Record metrics of one of ORIGINS. Raises ValueError for another, or a metric that is not a finite number."""
        if origin not in ORIGINS:
            raise ValueError(f"unknown origin {origin!r}; there are: {', '.join(ORIGINS)}")
        for name, value in metrics.items():
            value = value.item() if hasattr(value, "item") else value
            if not is_number(value):
                raise ValueError(f"metric {name} is {value!r}; expected a finite number")
            self.metrics[name], self.origins[name] = value, origin

    def use(self, *files: dict) -> str:
        """Note files of weights and records that the run uses; returns the origin of what is computed from them.

        Each is what `coursework.checkpoints.obtain` or `recorded` gave.
        """
        for facts in files:
            if facts["origin"] != ORIGINS[0]:  # weights that were trained here do not depend on a committed file
                self.digests |= facts["digests"]
            if "architecture" in facts:
                self.trainings |= dict.fromkeys(list(facts["digests"])[:1], facts["training"])
            self.differing = max(self.differing, facts["differing"])
        return weakest(*(facts["origin"] for facts in files))

    def save(self) -> None:
        """Write this run to `build/<week>/<profile>/results.json`, beside runs on other sources.

        The first run that is saved is the headline. If a run on the same source exists and shares no metric with this
        one (another notebook of the week), the two are merged; otherwise this run replaces it.
        """
        path = build_dir(self.week) / "results.json"
        with FileLock(path.with_name(".results.lock")):
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
        data = {"name": self.source, "source": self.description, "items": self.items, "differing": self.differing}
        return {
            "profile": profile_name(),
            "overrides": os.environ.get("COURSEWORK_SET", ""),
            "seed": self.seed,
            "data": data | ({"generator": self.generator} if self.generator else {}),
            "metrics": self.metrics,
            "origins": self.origins,
            "digests": self.digests,
            "training": sum_trainings(self.trainings),
            "minutes": round((time.monotonic() - self.started) / 60, 2),
            "environment": self.environment,
        }


def history_origin(facts: dict) -> str:
    """The origin of numbers from a training's history: read from a file, unless the training was done in this run."""
    return ORIGINS[0] if facts["origin"] == ORIGINS[0] else ORIGINS[2]


def sum_trainings(trainings: dict[str, dict]) -> dict:
    """Minutes, devices and steps of all trainings that a run used, and of each."""
    each = trainings.values()
    return {
        "minutes": round(sum(one["minutes"] for one in each), 2),
        "device": ", ".join(dict.fromkeys(one["device"] for one in each)),
        "steps": sum(one["steps"] for one in each),
        "files": trainings,
    }


def join_runs(first: dict, second: dict) -> dict:
    """One run of what two notebooks of a week have recorded on the same source."""
    joined = {name: first[name] | second[name] for name in ("metrics", "origins", "digests")}
    trainings = first["training"]["files"] | second["training"]["files"]
    minutes = round(first["minutes"] + second["minutes"], 2)
    differing = max(run["data"]["differing"] for run in (first, second))
    data = second["data"] | {"differing": differing}
    return second | joined | {"data": data, "training": sum_trainings(trainings), "minutes": minutes}
