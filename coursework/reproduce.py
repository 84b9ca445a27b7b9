"""Reproduction: run a week again with the profile of its record and compare the results with the record.

Metrics computed from data or from released weights must agree. Metrics read from a committed record are listed as not
recomputed, even if their values agree.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from coursework import records
from coursework.commands import print_table, run_and_report
from coursework.datasets import sha256
from coursework.profile import RELEASED, parse_overrides
from coursework.weeks import Week

EQUAL, DIFFERS, MISSING, ORIGIN = "equal", "DIFFERS", "MISSING", "OTHER ORIGIN"
QUOTED, NO_BAND = "not recomputed", "no tolerance stated"
FAILURES = (DIFFERS, MISSING, ORIGIN)


@dataclass(frozen=True)
class Row:
    """One metric: its value in the record and now, the difference that is allowed, its origin now, and the verdict."""

    name: str
    recorded: float | None
    now: float | None
    allowed: float | None
    origin: str
    verdict: str

    def cells(self) -> list[str]:
        """The row as text."""
        band = "" if self.allowed is None or self.verdict == QUOTED else f"± {self.allowed:g}"
        return [self.name, repr(self.recorded), repr(self.now), band, self.origin, self.verdict]


@dataclass
class Comparison:
    """Two runs on one data source: a row for each metric, and what else differs, a sentence each."""

    week: Week
    source: str
    rows: list[Row]
    complaints: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.complaints) or any(row.verdict in FAILURES for row in self.rows)

    def counts(self) -> list[str]:
        """For the summary: of the metrics of each origin, how many came out equal."""
        told = []
        for origin in records.ORIGINS:
            rows = [row for row in self.rows if row.origin == origin]
            equal = sum(row.verdict == EQUAL for row in rows)
            quoted = sum(row.verdict == QUOTED for row in rows)
            words = [f"{equal} of {len(rows) - quoted} equal"] * (len(rows) > quoted)
            told.append(", ".join(words + [f"{quoted} not recomputed"] * bool(quoted)) or "–")
        return [self.week.name, self.source, *told]


def reproduce(weeks: list[Week], overrides: Callable[[Week], str], retrain: bool = False) -> int:
    """Compute the committed records of `weeks` again; 0 only if all that was recomputed agrees.

    With `retrain`, committed weights and records are ignored and every training is repeated with the settings that
    produced them (the configuration `released`), however long that takes.
    """
    statuses, summary = [], []
    for week in weeks:
        with repeating(retrain):
            statuses.append(reproduce_week(week, overrides(week), summary, retrain))
    if summary:
        print("Metrics by origin: computed from data, evaluated from released weights, read from a record (†).")
        print_table(["week", "run on", *records.ORIGINS], [comparison.counts() for comparison in summary])
    return max(statuses, default=0)


@contextlib.contextmanager
def repeating(retrain: bool) -> Iterator[None]:
    """Within this context, notebooks raise an error for committed weights of another training; they do not retrain."""
    before = os.environ.get("COURSEWORK_REPRODUCE", "")
    os.environ["COURSEWORK_REPRODUCE"] = "" if retrain else "1"
    try:
        yield
    finally:
        os.environ["COURSEWORK_REPRODUCE"] = before


def reproduce_week(week: Week, overrides: str, summary: list[Comparison], retrain: bool = False) -> int:
    """0 if the headline was recomputed and all metrics agree, 1 if not, 2 if there was nothing to compare with.

    Appends the comparison of each run to `summary`.
    """
    committed = records.read_results(week.results)
    if committed["headline"] is None:
        print(f"{week.name}: no run is recorded, so there is nothing to compare; render the week first")
        return 2
    recorded = committed["runs"][committed["headline"]]
    changed = changed_files(week, committed)
    if changed and not retrain:
        print("\n".join(changed))
        return 1
    profile = RELEASED if retrain and recorded["profile"] == "sample" else recorded["profile"]
    settings = ",".join(filter(None, (recorded["overrides"], overrides)))
    outcomes = run_and_report(week, profile, settings, fresh=True)  # what a killed run left is no recomputation
    if any(outcome.error for outcome in outcomes):
        return 1
    again = records.read_results(records.build_dir(week.name, profile) / "results.json")
    if not again["runs"]:
        print(f"{week.name}: the notebook recorded nothing; its last cell must call run.save()")
        return 1
    status = max(
        compare_source(week, source, run, committed, summary, retrain) for source, run in again["runs"].items()
    )
    if committed["headline"] not in again["runs"] and status == 0:
        print(f"{week.name}: the headline run, on {committed['headline']}, was not computed again:")
        print("its data set is not in the data folder; the week's README says where to get it")
        return 1
    return status


def changed_files(week: Week, committed: dict) -> list[str]:
    """A sentence for each committed file of weights or record that is not what results.json says it was."""
    digests = {path: digest for run in committed["runs"].values() for path, digest in run["digests"].items()}
    return [
        f"{week.folder.name}/{path} has SHA-256 {found[:12]}…, but results.json records {digest[:12]}…; one of the two "
        "was changed: restore both from git"
        for path, digest in digests.items()
        if (week.folder / path).is_file() and (found := sha256(week.folder / path)) != digest
    ]


def compare_source(
    week: Week, source: str, run: dict, committed: dict, summary: list[Comparison], retrain: bool = False
) -> int:
    """Compare the new run on one data source with the committed one, in a table; exit status as above."""
    if source not in committed["runs"]:
        there = ", ".join(committed["runs"])
        print(f"{week.name}: no run on {source} is recorded (only on: {there}), so nothing was compared")
        return 2
    comparison = compare(week, run, committed["runs"][source], retrain)
    columns = [f"{week.name} on {source}", "recorded", "now", "allowed", "origin", ""]
    print_table(columns, [row.cells() for row in comparison.rows])
    if run["origins"].get(week.headline) == "record" and source == committed["headline"]:
        comparison.complaints.append(f"the headline {week.headline} was read from a record, not recomputed")
    print("".join(f"{week.name} on {source}: {complaint}\n" for complaint in comparison.complaints), end="")
    summary.append(comparison)
    return int(comparison.failed)


def compare(week: Week, run: dict, recorded: dict, retrain: bool = False) -> Comparison:
    """All differences of two runs on the same data source; with `retrain`, trainings count as repeated."""
    bands = band_finder(week, run, recorded, retrain)
    rows = [compare_metric(name, run, recorded, bands(name), retrain) for name in recorded["metrics"] | run["metrics"]]
    return Comparison(week, run["data"]["name"], rows, facts_that_differ(week, run, recorded, retrain))


def band_finder(week: Week, run: dict, recorded: dict, retrain: bool) -> Callable[[str], float | None]:
    """A function that gives the tolerance of a metric: 0 on the same machine with the same data, else that of the week.

    Metrics of networks that are trained again have their tolerances in `[retrained]` of `week.toml`.
    """
    same = run["environment"] == recorded["environment"] and run["data"] == recorded["data"]
    if not same and not retrain:
        differing, items = run["data"]["differing"], run["data"]["items"]
        print(f"{week.name}: another machine, other versions or other data ({differing} of {items:,} items differ from")
        print("the training data), so metrics may differ by the tolerances of week.toml. On the recorded machine, with")
        print("the same versions and data, they must be equal to the last bit.")

    def band(name: str) -> float | None:
        if retrain and recorded["origins"].get(name) in ("weights", "record"):
            return week.retrained.get(name)
        return 0.0 if same else week.tolerance_of(name)

    return band


def compare_metric(name: str, run: dict, recorded: dict, allowed: float | None, retrain: bool) -> Row:
    """The verdict on one metric."""
    old, new = recorded["metrics"].get(name), run["metrics"].get(name)
    origin, origin_then = run["origins"].get(name, "–"), recorded["origins"].get(name)
    if None in (old, new):
        verdict = MISSING
    elif origin != origin_then and not (retrain and origin == "computed"):
        verdict = ORIGIN
    elif allowed is None and old != new:
        verdict = NO_BAND
    elif abs(old - new) > (allowed or 0.0):
        verdict = DIFFERS
    else:
        verdict = QUOTED if origin == "record" else EQUAL
    return Row(name, old, new, allowed, origin, verdict)


def facts_that_differ(week: Week, run: dict, recorded: dict, retrain: bool) -> list[str]:
    """A sentence for each fact besides the metrics in which two runs differ."""
    facts = {
        "seed": (recorded["seed"], run["seed"]),
        "overrides": (settings_of(recorded), settings_of(run)),
        "data": (recorded["data"]["name"], run["data"]["name"]),
        "items": (recorded["data"]["items"], run["data"]["items"]),
        "generator of the data": (recorded["data"].get("generator"), run["data"].get("generator")),
    }
    found = [f"{name}: recorded {old!r}, now {new!r}" for name, (old, new) in facts.items() if old != new]
    if retrain:
        return found
    committed = {path: digest for path, digest in run["digests"].items() if (week.folder / path).is_file()}
    unknown = [path for path, digest in committed.items() if recorded["digests"].get(path) != digest]
    unused = [path for path in recorded["digests"] if (week.folder / path).is_file() and path not in run["digests"]]
    found += [f"{path} was used, but its SHA-256 is not the one in the record" for path in unknown]
    return found + [f"{path} was used by the recorded run, but not by this one" for path in unused]


def settings_of(run: dict) -> dict[str, str]:
    """A run's overrides but for `retrain`, which is no setting of what is trained."""
    return {name: value for _, name, value in parse_overrides(run["overrides"]) if name != "retrain"}
