"""python -m benchmarks.reencoded WEEK FORMAT…: how far the metrics move on re-encoded copies of a week's photographs.

A FORMAT is png or jpeg-QUALITY, such as jpeg-95. The released weights are evaluated on a copy of the data folder whose
photographs were read and written anew; what is printed is where the bands of `week.toml` for other copies of a
published data set come from. docs/bands.md holds the last results.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from coursework import records
from coursework.commands import print_table
from coursework.datasets import data_dir
from coursework.reproduce import group_runs
from coursework.runtime import thread_count
from coursework.weeks import Week, find_week

# The photographs of each week below the data folder; masks, annotations and attributes are copied as they are.
PHOTOGRAPHS = {
    "7W": ("ph2", "*_Dermoscopic_Image/*"),
    "8W": ("lfw", "lfw-deepfunneled/*/*"),
    "10W": ("lfw", "lfw-deepfunneled/*/*"),
    "11W": ("hardhat", "images/*"),
}


def main(arguments: list[str]) -> int:
    """Run the week on a copy of its data in each of the formats; print how far its metrics move."""
    if len(arguments) < 2 or arguments[0] not in PHOTOGRAPHS:
        print(__doc__, file=sys.stderr)
        return 2
    week, moved = find_week(arguments[0]), {}
    committed = records.read_results(week.results)
    source = committed["headline"]
    for form in arguments[1:]:
        moved[form] = evaluate(week, form, source)
    recorded = committed["runs"][source]
    names = [name for name, origin in recorded["origins"].items() if origin != "record"]
    rows = [
        [name, f"{recorded['metrics'][name]:.4f}", *(f"{metrics[name]:+.5f}" for metrics in moved.values())]
        for name in names
    ]
    print_table([f"{week.name} on {source}", "recorded", *moved], rows)
    return 0


def evaluate(week: Week, form: str, source: str) -> dict[str, float]:
    """By how much each metric moves on a copy in this format. Raises ValueError if the week does not run on it."""
    folder, pattern = PHOTOGRAPHS[week.name]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        for path in data_dir().iterdir():
            if path.name != folder:
                (copy / path.name).symlink_to(path)
        shutil.copytree(data_dir() / folder, copy / folder)
        paths = sorted((copy / folder).glob(f"**/{pattern}"))
        with ThreadPoolExecutor(thread_count()) as pool:
            list(pool.map(lambda path: encode(path, form), paths))
        metrics = run(week, copy, source)
    recorded = records.read_results(week.results)["runs"][source]["metrics"]
    return {name: metrics[name] - value for name, value in recorded.items()}


def encode(path: Path, form: str) -> None:
    """Write a photograph anew in the format, in place of the old file."""
    with Image.open(path) as image:
        colours = image.convert("RGB")
    path.unlink()
    kind, _, quality = form.partition("-")
    if kind == "png":
        colours.save(path.with_suffix(".png"))
    else:
        colours.save(path.with_suffix(".jpg"), quality=int(quality))


def recorded_sources(week: Week, source: str) -> str:
    """The data sets, separated by commas, of the recorded runs of which that on `source` is one."""
    groups = group_runs(records.read_results(week.results))
    return next(",".join(group) for group in groups if source in group)


def run(week: Week, data: Path, source: str) -> dict[str, float]:
    """The metrics of a run of the week's notebooks at `sample` on a data folder, below a build folder of its own."""
    with tempfile.TemporaryDirectory() as build:
        env = dict(os.environ) | {
            "COURSEWORK_DATA": str(data),
            "COURSEWORK_BUILD": build,
            "COURSEWORK_REPRODUCE": recorded_sources(week, source),
        }
        command = [sys.executable, "-m", "coursework", "run", week.name, "--profile", "sample"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"{week.name} does not run on this copy: {done.stdout[-2000:]}")
        found = records.read_results(Path(build) / week.name / "sample" / "results.json")["runs"][source]
    print(
        f"{found['data']['differing']} of {found['data']['items']} items differ from those of the training", flush=True
    )
    return found["metrics"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
