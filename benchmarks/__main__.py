"""Command line: python -m benchmarks [NAME…] times the cases; RESULTS.md and results.json are brought up to date."""

import json
import statistics
import sys
from pathlib import Path

from benchmarks import week1, week2, week6, week7, week11
from benchmarks.cases import ROUNDS, Case, Timing, time_case
from coursework.readme import row
from coursework.records import write_text
from coursework.runtime import environment
from coursework.terminal import STARTS_AGAIN, call

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch")


def main(names: list[str]) -> int:
    """Time the cases called `names`, or all; the results of the others stay. 1 if a target was missed."""
    cases = {case.name: case for week in (week1, week2, week6, week7, week11) for case in week.build_cases()}
    unknown = [name for name in names if name not in cases]
    if unknown:
        print(f"error: unknown benchmark {', '.join(unknown)}; there are: {', '.join(cases)}", file=sys.stderr)
        return 2
    timings = [time_and_report(cases[name]) for name in names or cases]
    write_reports({timing.case.name: summary(timing, machine()) for timing in timings}, list(cases))
    return int(any(timing.verdict == "MISSED" for timing in timings))


def write_reports(measured: dict[str, dict], order: list[str]) -> None:
    """Put `measured` into results.json, drop cases that are no more, and write RESULTS.md from all of them."""
    path = FOLDER / "results.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results = {name: (known | measured)[name] for name in order if name in known | measured}
    write_text(path, json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    write_text(FOLDER / "RESULTS.md", report(results))


def machine() -> str:
    """The processor and the software that the times depend on."""
    facts = environment(PACKAGES)
    return f"{facts['cpu']}; " + ", ".join(f"{name} {facts[name]}" for name in ("python", *PACKAGES))


def summary(timing: Timing, where: str) -> dict:
    """What is kept of one timing: medians in seconds, the ratio with its spread, and what was measured where."""
    case = timing.case
    return {
        "title": case.title,
        "ours": round(statistics.median(timing.ours), 3),
        "rival": round(statistics.median(timing.rival), 3),
        "ratio": round(timing.ratio, 2),
        "spread": round(timing.spread, 2),
        "target": case.target,
        "verdict": timing.verdict,
        "setting": case.setting,
        "machine": where,
    }


def time_and_report(case: Case) -> Timing:
    """Time one case and print its line."""
    print(f"{case.name} …", flush=True)
    timing = time_case(case)
    print(f"  {timing.ratio:.2f} times faster, spread {timing.spread:.2f}: {timing.verdict}", flush=True)
    return timing


def report(results: dict[str, dict]) -> str:
    """RESULTS.md: how it was measured, a row a case, then what each was measured on."""
    columns = ["case", "what", "ours, s", "rival, s", "times faster", "spread", "target", ""]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. How many times faster ours is than the usual solution, scikit-learn's or one from",
        f"`rivals/`: the median of {ROUNDS} rounds. In each round both run in turn, in one process, one thread each,",
        "on the same arrays, after a warm-up that checks that both come to the same answer, as far as the setting",
        "below asks. The spread is the largest ratio minus the smallest; a ratio within its spread of the target",
        "counts as missed.",
        "",
        row(columns),
        row(["---"] * 2 + ["---:"] * 5 + ["---"]),
        *(row(cells(name, result)) for name, result in results.items()),
        "",
        *(f"- {', '.join(names)}: {shared}." for shared, names in by(results, "setting").items()),
        "",
        *(f"- {', '.join(names)}: on {shared}." for shared, names in by(results, "machine").items()),
    ]
    return "\n".join(lines) + "\n"


def by(results: dict[str, dict], key: str) -> dict[str, list[str]]:
    """The names of the cases that share a value of `key`, by that value."""
    groups: dict[str, list[str]] = {}
    for name, result in results.items():
        groups.setdefault(result[key], []).append(f"`{name}`")
    return groups


def cells(name: str, result: dict) -> list[str]:
    """The row of one case."""
    target = "–" if result["target"] is None else f"≥ {result['target']:g}"
    return [
        f"`{name}`",
        result["title"],
        f"{result['ours']:.3f}",
        f"{result['rival']:.3f}",
        f"**{result['ratio']:.2f}**",
        f"{result['spread']:.2f}",
        target,
        result["verdict"],
    ]


if __name__ == "__main__":
    sys.exit(call(main, STARTS_AGAIN))
