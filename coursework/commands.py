"""The commands behind `python -m coursework`: run, render, check, reproduce. Each returns an exit status."""

from collections.abc import Callable
from pathlib import Path

from coursework import gallery, gate, notebooks, readme, records
from coursework.notebooks import Outcome
from coursework.weeks import ROOT, Week

COUNTED = ((-2, "recomputed"), (-2, "from record"), (-1, "equal"))  # in the rows of `compare`


def run(weeks: list[Week], profile: str, overrides: Callable[[Week], str]) -> int:
    """Execute the notebooks of `weeks` into `build/`, print a table, write the gallery; 1 if any failed."""
    outcomes = [outcome for week in weeks for outcome in run_and_report(week, profile, overrides(week))]
    rows = [[o.name, f"{o.seconds:.1f}", headline_of(o), shown_path(o.path)] for o in outcomes]
    print_table(["notebook", "seconds", "headline", "path"], rows)
    print(f"gallery: {shown_path(gallery.write_gallery())}")
    return int(any(outcome.error for outcome in outcomes))


def run_and_report(week: Week, profile: str, overrides: str, fresh: bool = False) -> list[Outcome]:
    """Run one week and print, for each failing notebook, the cell's source and traceback."""
    print(f"running {week.folder.name} at {profile} …", flush=True)
    outcomes = notebooks.run_week(week, profile, overrides, fresh)
    for outcome in outcomes:
        if outcome.error:
            print(f"\n{week.folder.name}/{outcome.name}: {outcome.error}\n")
    return outcomes


def render(weeks: list[Week], profile: str, overrides: Callable[[Week], str]) -> int:
    """Run, gate, and only then copy notebooks, record and cover into the weeks; 1 if a week was not rendered."""
    failed = [week for week in weeks if not render_week(week, profile, overrides(week))]
    for path in readme.write_readmes():
        print(f"updated {shown_path(path)}")
    return int(bool(failed))


def render_week(week: Week, profile: str, overrides: str) -> bool:
    """Render one week; False, with the reasons printed and the committed files untouched, if anything is wrong."""
    outcomes = run_and_report(week, profile, overrides)
    if any(outcome.error for outcome in outcomes):
        return False
    folder = records.build_dir(week.name, profile)
    complaints = [complaint for outcome in outcomes for complaint in gate.check_notebook(outcome.path)]
    complaints += [f"{name} was not written" for name in ("results.json", "cover.png") if not (folder / name).exists()]
    runs = records.read_leftover(folder / "results.json")["runs"].values()
    complaints += [
        f"the run on {run['data']['name']} has no {week.headline}, the week's headline"
        for run in runs
        if week.headline not in run["metrics"]
    ]
    if complaints:
        print("\n".join(complaints))
        return False
    collect(week, folder)
    print(f"rendered {week.folder.name}")
    return True


def collect(week: Week, folder: Path) -> None:
    """Copy what a run left in `folder` into the week: notebooks, cover, its runs as records, and what it keeps."""
    rendered, committed = records.read_results(folder / "results.json"), records.read_results(week.results)
    committed["headline"] = rendered["headline"]
    committed["runs"] |= rendered["runs"]
    for name in (*week.notebooks, "cover.png"):
        records.write_bytes(week.folder / name, (folder / name).read_bytes())
    for path in sorted(path for path in (folder / "keep").rglob("*") if path.is_file()):
        place = week.folder / path.relative_to(folder / "keep")
        place.parent.mkdir(exist_ok=True)
        records.write_bytes(place, path.read_bytes())
    records.write_results(week.results, committed)


def check(weeks: list[Week]) -> int:
    """Apply the gate to the committed notebooks; prints every complaint, 1 if there is any."""
    complaints = [f"{week.folder.name}/{complaint}" for week in weeks for complaint in gate.check_week(week)]
    print("\n".join(complaints) or f"{sum(len(week.notebooks) for week in weeks)} notebooks pass the gate")
    return int(bool(complaints))


def reproduce(weeks: list[Week], overrides: Callable[[Week], str]) -> int:
    """Run the committed profile of each week again and compare metric by metric; 0 only if all of them agree."""
    statuses, counts = [], []
    for week in weeks:
        statuses.append(reproduce_week(week, overrides(week), counts))
    if counts:
        print_table(["week", "run on", "recomputed", "from record", "equal", "not equal"], counts)
    return max(statuses, default=0)


def reproduce_week(week: Week, overrides: str, counts: list[list[str]]) -> int:
    """0 if the headline was recomputed and all metrics agree, 1 if not, 2 if there was nothing to compare with.

    Appends a row to `counts` for each run: how many metrics were recomputed, read from records, equal, and not.
    """
    committed = records.read_results(week.results)
    if committed["headline"] is None:
        print(f"{week.name}: no run is recorded, so there is nothing to compare; render the week first")
        return 2
    recorded = committed["runs"][committed["headline"]]
    profile = recorded["profile"]
    settings = ",".join(filter(None, (recorded["overrides"], overrides)))
    outcomes = run_and_report(week, profile, settings, fresh=True)  # what a killed run left is no recomputation
    if any(outcome.error for outcome in outcomes):
        return 1
    again = records.read_results(records.build_dir(week.name, profile) / "results.json")
    if not again["runs"]:
        print(f"{week.name}: the notebook recorded nothing; its last cell must call run.save()")
        return 1
    status = max(compare_source(week, source, run, committed, counts) for source, run in again["runs"].items())
    if committed["headline"] not in again["runs"] and status == 0:
        print(f"{week.name}: the headline run, on {committed['headline']}, was not computed again")
        return 1
    return status


def compare_source(week: Week, source: str, run: dict, committed: dict, counts: list[list[str]]) -> int:
    """Compare the new run on one data source with the committed one, in a table; exit status as above."""
    if source not in committed["runs"]:
        print(
            f"{week.name}: no run on {source} is recorded (there is: {', '.join(committed['runs'])}); nothing compared"
        )
        return 2
    rows = compare(week, run, committed["runs"][source])
    print_table([f"{week.name} on {source}", "recorded", "now", "allowed", "", ""], rows)
    told = [[row[place] for row in rows].count(word) for place, word in COUNTED]
    counts.append([week.name, source, *map(str, told), str(len(rows) - told[-1])])
    recalled_headline = week.headline in run["from_record"] and source == committed["headline"]
    if recalled_headline:
        print(f"{week.name}: the headline {week.headline} was not recomputed; --retrain does that")
    return int(recalled_headline or any(row[-1] != "equal" for row in rows))


def compare(week: Week, run: dict, recorded: dict) -> list[list[str]]:
    """One row a metric: name, recorded, now, tolerance, where it comes from, verdict."""
    rows = []
    for name in recorded["metrics"] | run["metrics"]:
        old, new = recorded["metrics"].get(name), run["metrics"].get(name)
        allowed = week.tolerance_of(name)
        close = None not in (old, new) and abs(old - new) <= allowed
        origin = "from record" if name in run["from_record"] else "recomputed"
        verdict = "equal" if close else "missing" if None in (old, new) else "DIFFERS"
        rows.append([name, repr(old), repr(new), f"± {allowed:g}", origin, verdict])
    return rows


def headline_of(outcome: Outcome) -> str:
    """The headline metric that a run has just recorded, or a dash."""
    if outcome.error:
        return "FAILED"
    return readme.short_headline(outcome.week, records.read_results(outcome.path.parent / "results.json"))


def shown_path(path: Path) -> str:
    """`path` relative to the repository where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print rows of text in aligned columns."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print()
    for cells in (columns, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    print()
