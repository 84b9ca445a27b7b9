"""Reproduction: repeat every recorded run of a week with its profile and overrides, and compare it with the record.

Metrics computed from data or from released weights must agree. Metrics read from a committed record are listed as not
recomputed, even if their values agree.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from coursework import records
from coursework.commands import print_table, run_and_report
from coursework.datasets import sha256
from coursework.fetching import needed
from coursework.profile import RELEASED, parse_overrides
from coursework.weeks import Week

EQUAL, WITHIN, QUOTED = "equal", "within tolerance", "not recomputed"  # equal: to the last bit
DIFFERS, MISSING, ORIGIN, NO_BAND = "DIFFERS", "MISSING", "OTHER ORIGIN", "no tolerance stated"
FAILURES = (DIFFERS, MISSING, ORIGIN, NO_BAND)


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
        """For the summary: of the metrics of each origin, how many are equal, and how many within the tolerance."""
        told = []
        for origin in records.ORIGINS:
            found = Counter(row.verdict for row in self.rows if row.origin == origin)
            compared = found.total() - found[QUOTED]
            words = [f"{found[EQUAL]} of {compared} equal"] * bool(compared)
            words += [f"{found[verdict]} {verdict}" for verdict in (WITHIN, QUOTED) if found[verdict]]
            told.append(", ".join(words) or "–")
        return [self.week.name, self.source, *told]


def reproduce(weeks: list[Week], added: Callable[[Week], str], retrain: bool = False, skip: bool = False) -> int:
    """Repeat every committed run of `weeks`; 0 only if all that was recomputed agrees.

    The notebooks run with the recorded overrides and with those that `added` returns for a week. With `retrain`,
    committed weights and records are ignored and every training is repeated with the settings that produced them (the
    configuration `released`), however long that takes. With `skip`, runs that need a data set that is not in the data
    folder are left out with a notice, instead of failing.
    """
    summary = []
    statuses = [reproduce_week(week, added(week), summary, retrain, skip) for week in weeks]
    if summary:
        print("Metrics by origin: computed from data, evaluated from released weights, read from a record (†).")
        print_table(["week", "run on", *records.ORIGINS], [comparison.counts() for comparison in summary])
    return max(statuses, default=0)


def reproduce_week(week: Week, added: str, summary: list[Comparison], retrain: bool = False, skip: bool = False) -> int:
    """0 if every recorded run was recomputed and all metrics agree, 1 if not, 2 if nothing is recorded.

    Appends the comparison of each run to `summary`.
    """
    committed = records.read_results(week.results)
    if not committed["runs"]:
        print(f"{week.name}: no run is recorded, so there is nothing to compare; render the week first")
        return 2
    changed = changed_files(week, committed)
    if changed and not retrain:
        print("\n".join(changed))
        return 1
    groups = group_runs(committed)
    if skip:
        groups = [group for group in groups if not tell_missing(week, group)]
    return max((reproduce_group(week, group, added, summary, retrain) for group in groups), default=0)


def tell_missing(week: Week, group: Iterable[str]) -> list[str]:
    """The data sets that runs on these sources need and that are not in the data folder; says so if there are any."""
    missing = [data_set.name for source in group for data_set in needed(week.name, source) if not data_set.is_there()]
    if missing:
        print(f"{week.name} on {', '.join(group)}: skipped; not in the data folder: {', '.join(missing)}")
    return missing


def group_runs(committed: dict) -> list[dict[str, dict]]:
    """The recorded runs, {source: run}, in groups of the same profile and overrides: one run of the notebooks each."""
    groups = {}
    for source, run in committed["runs"].items():
        groups.setdefault((run["profile"], run["overrides"]), {})[source] = run
    return list(groups.values())


def reproduce_group(
    week: Week, group: dict[str, dict], added: str, summary: list[Comparison], retrain: bool = False
) -> int:
    """Run the notebooks as these runs were recorded, and compare each of them; 1 if one does not come out again."""
    recorded = next(iter(group.values()))
    profile = RELEASED if retrain and recorded["profile"] == "sample" else recorded["profile"]
    overrides = ",".join(filter(None, (recorded["overrides"], added)))
    with repeating(group):
        outcomes = run_and_report(week, profile, overrides, fresh=True)  # what a killed run left is no recomputation
    if any(outcome.error for outcome in outcomes):
        return 1
    again = records.read_results(records.build_dir(week.name, profile) / "results.json")["runs"]
    if not again:
        print(f"{week.name}: the notebook recorded nothing; its last cell must call run.save()")
        return 1
    return max(compare_source(week, source, again.get(source), group[source], summary, retrain) for source in group)


@contextlib.contextmanager
def repeating(sources: Iterable[str]) -> Iterator[None]:
    """Within this context, a notebook raises an error if it runs on other data sets than `sources`.

    It also raises one for committed weights of another training; it does not train anew, unless told to `retrain`.
    """
    before = os.environ.get("COURSEWORK_REPRODUCE", "")
    os.environ["COURSEWORK_REPRODUCE"] = ",".join(sources)
    try:
        yield
    finally:
        os.environ["COURSEWORK_REPRODUCE"] = before


def changed_files(week: Week, committed: dict) -> list[str]:
    """A sentence for each committed file of weights or record that is missing or not what results.json says it was."""
    named = {entry: week.folder / entry[0] for run in committed["runs"].values() for entry in run["digests"].items()}
    found = {entry: sha256(path) if path.is_file() else None for entry, path in named.items()}
    return [
        f"{week.folder.name}/{path} has SHA-256 {now[:12]}…, but results.json records {digest[:12]}…; one of the two "
        "was changed: restore both from git"
        if now
        else f"{week.folder.name}/{path} is missing; restore it from git"
        for (path, digest), now in found.items()
        if now != digest
    ]


def compare_source(
    week: Week, source: str, run: dict | None, recorded: dict, summary: list[Comparison], retrain: bool = False
) -> int:
    """Compare the new run on one data source, None if there is none, with the recorded one; 1 if they differ."""
    if run is None:
        print(f"{week.name} on {source}: this recorded run was not computed again: its data set is not in the data")
        print("folder; the week's README says where to get it")
        return 1
    comparison = compare(week, run, recorded, retrain)
    columns = [f"{week.name} on {source}", "recorded", "now", "allowed", "origin", ""]
    print_table(columns, [row.cells() for row in comparison.rows])
    if run["origins"].get(week.headline) == "record":
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

    Metrics of networks that are trained again on another machine have their tolerances in `[retrained]` of `week.toml`.
    """
    same = same_conditions(run, recorded)
    trained_elsewhere = not same or run["training"].get("device") != recorded["training"].get("device")
    if not same and not retrain:
        differing, items = run["data"]["differing"], run["data"]["items"]
        print(f"{week.name}: another machine, other versions or other data ({differing} of {items:,} items differ from")
        print("the training data), so metrics may differ by the tolerances of week.toml. On the recorded machine, with")
        print("the same versions and data, they must be equal to the last bit.")

    def band(name: str) -> float | None:
        if retrain and trained_elsewhere and recorded["origins"].get(name) in ("weights", "record"):
            return week.retrained.get(name)
        return 0.0 if same else week.tolerance_of(name)

    return band


def same_conditions(run: dict, recorded: dict) -> bool:
    """Whether two runs had the same machine, versions and data, so that metrics must be equal to the last bit.

    The description of the data is not compared, and the recorded number of differing items matters only if items
    differ now.
    """
    data, data_then = run["data"], recorded["data"]
    same_data = all(data.get(fact) == data_then.get(fact) for fact in ("name", "items", "generator"))
    unchanged = data["differing"] in (0, data_then.get("differing"))
    return same_data and unchanged and run["environment"] == recorded["environment"]


def compare_metric(name: str, run: dict, recorded: dict, allowed: float | None, retrain: bool) -> Row:
    """The verdict on one metric."""
    old, new = recorded["metrics"].get(name), run["metrics"].get(name)
    origin, origin_then = run["origins"].get(name, "–"), recorded["origins"].get(name)
    if None in (old, new):
        verdict = MISSING
    elif origin != origin_then and not (retrain and origin == "computed"):
        verdict = ORIGIN
    elif old != new and allowed is None:
        verdict = NO_BAND
    elif old != new and not abs(old - new) <= allowed:  # also if one of them is NaN
        verdict = DIFFERS
    elif origin == "record":
        verdict = QUOTED
    else:
        verdict = EQUAL if old == new else WITHIN
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
    if not retrain:
        facts |= {"profile": (recorded["profile"], run["profile"])} | trainings(run, recorded)
    found = [f"{name}: recorded {old!r}, now {new!r}" for name, (old, new) in facts.items() if old != new]
    if retrain:
        return found
    committed = {path: digest for path, digest in run["digests"].items() if (week.folder / path).is_file()}
    unknown = [path for path, digest in committed.items() if recorded["digests"].get(path) != digest]
    unused = [path for path in recorded["digests"] if path not in run["digests"]]
    found += [f"{path} was used, but its SHA-256 is not the one in the record" for path in unknown]
    return found + [f"{path} was used by the recorded run, but not by this one" for path in unused]


def trainings(run: dict, recorded: dict) -> dict[str, tuple]:
    """What the record says of the training of each released file of weights, and in sum, beside what the files say.

    A network that was trained in this run takes its own time, so the recorded numbers are taken for it.
    """
    then = recorded["training"].get("files", {})
    now = {
        path: training if path in run["digests"] else then.get(path, training)
        for path, training in run["training"].get("files", {}).items()
    }
    each = {f"training of {path}": (then.get(path), now.get(path)) for path in then | now}
    total = records.sum_trainings(now)
    return each | {
        f"training, {fact}": (recorded["training"].get(fact), total[fact]) for fact in ("minutes", "device", "steps")
    }


def settings_of(run: dict) -> dict[str, str]:
    """A run's overrides but for `retrain`, which is no setting of what is trained."""
    return {name: value for _, name, value in parse_overrides(run["overrides"]) if name != "retrain"}
