"""python -m benchmarks.growth: time and memory of every week's main step for four sizes, each in a process of its own.

Writes growth.json here, and growth.png and the table of docs/scale.md. `python -m benchmarks.growth 6W 128` times one.
"""

import importlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from coursework.terminal import STARTS_AGAIN, call
from coursework.weeks import all_weeks

FOLDER = Path(__file__).resolve().parent
DOCS = FOLDER.parents[1] / "docs"
TABLE = re.compile(r"(<!-- growth: generated, do not edit -->\n).*?(<!-- end of growth -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Time one size and print it, or all, and write what came out."""
    if arguments:
        print(json.dumps(time_one(arguments[0], int(arguments[1]))))
        return 0
    page = (DOCS / "scale.md").read_text(encoding="utf-8")  # before minutes are spent: is there a page for the table?
    names = [week.name for week in all_weeks()]
    rows = {week: [time_apart(week, n) for n in step_of(week).SIZES] for week in names}
    found = {week: summary(week, measured) for week, measured in rows.items()}
    (FOLDER / "growth.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw(found)
    (DOCS / "scale.md").write_text(TABLE.sub(lambda m: m[1] + table(found) + m[2], page), encoding="utf-8")
    return 0


def step_of(week: str):
    """The module with a week's main step."""
    return importlib.import_module(f"benchmarks.growth.week{week.removesuffix('W')}")


def time_one(week: str, n: int) -> dict[str, float]:
    """Seconds of a step, and the most megabytes that it held beyond what was there when it began."""
    step = step_of(week).prepare(n)
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the highest mark, which preparing has set
    before, started = memory("VmRSS"), time.perf_counter()
    step()
    return {"n": n, "seconds": time.perf_counter() - started, "megabytes": memory("VmHWM") - before}


def memory(what: str) -> float:
    """What this process holds now ("VmRSS"), or has held at most ("VmHWM"), in megabytes, as Linux tells."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) / 1024


def time_apart(week: str, n: int) -> dict[str, float]:
    """`time_one` in a process of its own, on one thread: the best of three, for whatever disturbs makes it longer."""
    command, env = (
        [sys.executable, "-m", "benchmarks.growth", week, str(n)],
        dict(os.environ) | {"OMP_NUM_THREADS": "1"},
    )
    runs = [subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    found = min((json.loads(run.splitlines()[-1]) for run in runs), key=lambda row: row["seconds"])
    print(week, found, flush=True)
    return found


def summary(week: str, rows: list[dict]) -> dict:
    """What was measured, and the exponents: the slopes of straight lines through the logarithms."""
    logs = {name: np.log([max(row[name], 0.1) for row in rows]) for name in ("n", "seconds", "megabytes")}
    exponents = {name: float(np.polyfit(logs["n"], logs[name], 1)[0]) for name in ("seconds", "megabytes")}
    return {"title": step_of(week).TITLE, "rows": rows, "exponents": exponents}


def table(found: dict[str, dict]) -> str:
    """The Markdown table of all weeks."""
    lines = ["| main step | sizes | seconds | exponent of time | megabytes | exponent of memory |"]
    lines += ["| --- | --- | --- | ---: | --- | ---: |"]
    for row in found.values():
        sizes, seconds, megabytes = (
            ", ".join(form.format(part[name]) for part in row["rows"])
            for name, form in (("n", "{:,}"), ("seconds", "{:.2f}"), ("megabytes", "{:.0f}"))
        )
        exponents = row["exponents"]
        lines.append(
            f"| {row['title']} | {sizes} | {seconds} | {exponents['seconds']:z.2f} | {megabytes} "
            f"| {exponents['megabytes']:z.2f} |"
        )
    return "\n".join(lines) + "\n"


def draw(found: dict[str, dict]) -> None:
    """docs/growth.png: time and memory against n, both relative to the smallest size."""
    import matplotlib.pyplot as plt

    from coursework.figures import use_style

    use_style()
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for ax, (name, label) in zip(axes, (("seconds", "time"), ("megabytes", "memory")), strict=True):
        for place, row in enumerate(found.values()):
            n, values = (np.array([part[key] for part in row["rows"]]) for key in ("n", name))
            ax.loglog(
                n / n[0], values / max(values[0], 0.1), marker="os"[place // 7], label=row["title"].partition(",")[0]
            )
        ax.loglog([1, 8], [1, 8], color="black", linestyle=":", linewidth=1)
        ax.set(title=label, xlabel="items, relative to the fewest", ylabel=f"{label}, relative to that of the fewest")
        ax.minorticks_off()
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(DOCS / "growth.png", metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(call(main, STARTS_AGAIN))
