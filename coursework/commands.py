"""The commands behind `python -m coursework`: run, render, check. Each returns an exit status."""

from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from coursework import gallery, gate, notebooks, readme, records, side_by_side, sync
from coursework.notebooks import Outcome
from coursework.weeks import ROOT, Week

NEXT = """\
See the results:            open {gallery} in a browser
Change and run the code:    make lab
Use the real data sets:     make fetch WEEK={week}, then make run WEEK={week} PROFILE=sample"""
PUBLIC = "8W"  # a week whose data sets can be downloaded without an account
TRAINED = (".safetensors", ".npz", ".json")  # of what a run leaves to be committed; animations are no trainings


def run(weeks: list[Week], profile: str, overrides: Callable[[Week], str]) -> int:
    """Execute the notebooks of `weeks` into `build/`, print a table, write the gallery; 1 if any failed.

    Weeks run side by side.
    """
    print(f"running {', '.join(week.name for week in weeks)} at {profile} …", flush=True)
    outcomes = []
    for ended in side_by_side.run_weeks(weeks, profile, overrides):
        for outcome in ended:
            tqdm.write(f"{outcome.week.name:>3}  {outcome.name}  {outcome.seconds:.0f} s")
            report_error(outcome)
            report_begun(outcome)
        outcomes += ended
    outcomes.sort(key=lambda outcome: weeks.index(outcome.week))
    rows = [[o.week.name, o.name, f"{o.seconds:.1f}", headline_of(o), shown_path(o.path)] for o in outcomes]
    print_table(["week", "notebook", "seconds", "headline", "path"], rows)
    week = weeks[0].name if len(weeks) == 1 else PUBLIC
    print(NEXT.format(gallery=shown_path(gallery.write_gallery()), week=week))
    return int(any(outcome.error for outcome in outcomes))


def run_and_report(week: Week, profile: str, overrides: str, fresh: bool = False) -> list[Outcome]:
    """Run one week and print, for each failing notebook, the cell's source and traceback."""
    print(f"running {week.folder.name} at {profile} …", flush=True)
    outcomes = notebooks.run_week(week, profile, overrides, fresh)
    for outcome in outcomes:
        report_error(outcome)
    return outcomes


def report_error(outcome: Outcome) -> None:
    """Print what ended a notebook that failed."""
    if outcome.error:
        tqdm.write(f"\n{outcome.week.folder.name}/{outcome.name}: {outcome.error}\n")


def report_begun(outcome: Outcome) -> None:
    """Print why a notebook shows trainings that have only begun in place of released results, if it does."""
    lines = notebooks.only_begun(notebooks.read_notebook(outcome.path)) if outcome.path.exists() else []
    for line in lines[:1]:
        tqdm.write(f"     {line}" + f" (and {len(lines) - 1} more such lines in the notebook)" * (len(lines) > 1))


def render(weeks: list[Week], profile: str, overrides: Callable[[Week], str]) -> int:
    """Run, gate, and only then copy notebooks, record and cover into the weeks; 1 if a week was not rendered."""
    failed = [week for week in weeks if not render_week(week, profile, overrides(week))]
    for path in readme.write_readmes():
        print(f"updated {shown_path(path)}")
    return int(bool(failed))


def render_week(week: Week, profile: str, overrides: str) -> bool:
    """Render one week; False, with the reasons printed and the committed files untouched, if anything is wrong.

    What was trained then stays for the next run, which would remove what a run with a record has left.
    """
    sync.sync([week])
    outcomes = run_and_report(week, profile, overrides)
    folder = records.build_dir(week.name, profile)
    if any(outcome.error for outcome in outcomes):
        (folder / "results.json").unlink(missing_ok=True)
        return False
    complaints = [complaint for outcome in outcomes for complaint in gate.check_notebook(outcome.path)]
    complaints += [f"{name} was not written" for name in ("results.json", "cover.png") if not (folder / name).exists()]
    runs = records.read_leftover(folder / "results.json")["runs"].values()
    complaints += [
        f"the run on {run['data']['name']} has no {week.headline}, the week's headline"
        for run in runs
        if week.headline not in run["metrics"]
    ]
    complaints += [
        f"the headline {week.headline} of the run on {run['data']['name']} was read from a record; it must be "
        "computed from data or from weights"
        for run in runs
        if run["origins"].get(week.headline) == "record"
    ]
    if complaints:
        print("\n".join(complaints))
        (folder / "results.json").unlink(missing_ok=True)
        return False
    trained = [path for path in collect(week, folder) if path.suffix in TRAINED]
    print(f"rendered {week.folder.name}")
    if trained:
        print(f"what was trained ({len(trained)} files) is committed with the week now; render once more, so that the")
        print("record is that of a run that evaluates the released weights")
    return True


def collect(week: Week, folder: Path) -> list[Path]:
    """Copy what a run left in `folder` into the week: notebooks, cover, and its runs as records.

    Weights and records of trainings are moved, so that the next run finds the committed ones; returns their places.
    """
    rendered, committed = records.read_results(folder / "results.json"), records.read_results(week.results)
    committed["headline"] = rendered["headline"]
    committed["runs"] |= rendered["runs"]
    for name in (*week.notebooks, "cover.png"):
        records.write_bytes(week.folder / name, (folder / name).read_bytes())
    kept = sorted(path for path in (folder / "keep").rglob("*") if path.is_file())
    places = [week.folder / path.relative_to(folder / "keep") for path in kept]
    for path, place in zip(kept, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        records.write_bytes(place, path.read_bytes())
    records.write_results(week.results, committed)
    for path in kept:  # only now that the week has all of it
        path.unlink()
    return places


def check(weeks: list[Week]) -> int:
    """Apply the gate to the committed notebooks; prints every complaint, 1 if there is any."""
    complaints = [f"{week.folder.name}/{complaint}" for week in weeks for complaint in gate.check_week(week)]
    print("\n".join(complaints) or f"{sum(len(week.notebooks) for week in weeks)} notebooks pass the gate")
    return int(bool(complaints))


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
