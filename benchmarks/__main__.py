"""Command line: python -m benchmarks [NAME…] times the cases and writes RESULTS.md and results.json."""

import json
import statistics
import sys
from pathlib import Path

from benchmarks import week1, week2
from benchmarks.cases import ROUNDS, Case, Timing, time_case
from coursework.readme import row
from coursework.records import write_text
from coursework.runtime import environment

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("numpy", "scipy", "scikit-learn")


def main(names: list[str]) -> int:
    """Time the cases called `names`, or all, and write both files when all were timed; 1 if a target was missed."""
    cases = {case.name: case for week in (week1, week2) for case in week.build_cases()}
    unknown = [name for name in names if name not in cases]
    if unknown:
        print(f"error: unknown benchmark {', '.join(unknown)}; there are: {', '.join(cases)}", file=sys.stderr)
        return 2
    timings = [time_and_report(cases[name]) for name in names or cases]
    if not names:
        ratios = {timing.case.name: round(timing.ratio, 2) for timing in timings}
        write_text(FOLDER / "results.json", json.dumps(ratios, indent=2) + "\n")
        write_text(FOLDER / "RESULTS.md", report(timings))
    return int(any(timing.verdict == "MISSED" for timing in timings))


def time_and_report(case: Case) -> Timing:
    """Time one case and print its line."""
    print(f"{case.name} …", flush=True)
    timing = time_case(case)
    print(f"  {timing.ratio:.1f} times faster, spread {timing.spread:.1f}: {timing.verdict}", flush=True)
    return timing


def report(timings: list[Timing]) -> str:
    """RESULTS.md: how it was measured, then one row a case."""
    facts = environment(PACKAGES)
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", *PACKAGES))
    columns = ["case", "what", "ours, s", "rival, s", "times faster", "spread", "target", ""]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. How many times faster ours is than the usual solution, which stands in `rivals/`:",
        f"the median of {ROUNDS} rounds. In each round both run in turn, in one process, on one thread each and on the",
        "same arrays, after a warm-up that checks that both give the same answer. The spread is the largest ratio",
        "minus the smallest; a ratio within its spread of the target counts as missed.",
        "",
        f"Machine: {facts['cpu']}; {versions}.",
        "",
        row(columns),
        row(["---"] * 2 + ["---:"] * 5 + ["---"]),
        *(row(cells(timing)) for timing in timings),
        "",
        *(f"- {', '.join(names)}: {setting}." for setting, names in by_setting(timings).items()),
    ]
    return "\n".join(lines) + "\n"


def by_setting(timings: list[Timing]) -> dict[str, list[str]]:
    """The names of the cases that share a setting, by setting."""
    groups: dict[str, list[str]] = {}
    for timing in timings:
        groups.setdefault(timing.case.setting, []).append(f"`{timing.case.name}`")
    return groups


def cells(timing: Timing) -> list[str]:
    """The row of one case."""
    case = timing.case
    return [
        f"`{case.name}`",
        case.title,
        f"{statistics.median(timing.ours):.2f}",
        f"{statistics.median(timing.rival):.2f}",
        f"**{timing.ratio:.1f}**",
        f"{timing.spread:.1f}",
        "–" if case.target is None else f"≥ {case.target:g}",
        timing.verdict,
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
