"""python -m benchmarks.growth.local: every week's way to a cluster, tried on two local processes at `tiny`.

The commands stand in docs/scale.md; what they print is put behind them there.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coursework.weeks import ROOT, find_week

PAGE = ROOT / "docs" / "scale.md"
# A heading that begins with a week, a command, and what it printed.
STEP = re.compile(
    r"(?P<before>^## (?P<week>\d+W).*\n(?:(?!## ).*\n)*?```bash\n(?P<command>(?:(?!```).*\n)*)```\n)"
    r"(?:\n```text\n(?:(?!```).*\n)*```\n)?",
    re.MULTILINE,
)


def main(weeks: list[str]) -> int:
    """Run the commands of some weeks, or of all, and put what they print into the page."""

    def fill(match: re.Match) -> str:
        if weeks and match["week"] not in weeks:
            return match[0]
        print(match["week"], "…", flush=True)
        return f"{match['before']}\n```text\n{run(match['week'], match['command'])}\n```\n"

    PAGE.write_text(STEP.sub(fill, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def run(week: str, command: str) -> str:
    """What a command prints in the folder of its week, with the seconds that it took; nothing it finds was there.

    Raises: RuntimeError with the end of its errors if it fails.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as fresh:
        small = {"COURSEWORK_PROFILE": "tiny", "COURSEWORK_SET": find_week(week).small}
        env = dict(os.environ) | {"PATH": path, "COURSEWORK_BUILD": fresh, **small}
        started = time.perf_counter()
        done = subprocess.run(
            ["bash", "-c", command], cwd=find_week(week).folder, env=env, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{week} failed: {done.stderr[-2000:]}")
    return f"{done.stdout.rstrip()}\n({seconds:.0f} s)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
