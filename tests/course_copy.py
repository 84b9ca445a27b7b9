"""A copy of one week whose results at `tiny` are committed, for tests that forge them.

Small networks on small images are trained in seconds, so a week can be trained, committed, forged and reproduced as a
whole.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from coursework.checkpoints import read_facts
from coursework.datasets import sha256
from coursework.offline import guarded
from coursework.weeks import ROOT, find_week

RECORDS = ("ablation", "folds", "grid", "recipes", "rivals", "runs")  # folders of records whose weights are not kept
COMMIT = """
import sys
from coursework import commands, records
from coursework.weeks import find_week
week = find_week(sys.argv[1])
outcomes = commands.run_and_report(week, "tiny", sys.argv[2], fresh=True)
assert not any(outcome.error for outcome in outcomes)
commands.collect(week, records.build_dir(week.name, "tiny"))
"""


@dataclass(frozen=True)
class CourseCopy:
    """The folder of a copied repository with one week."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """The week's folder."""
        return self.root / find_week(self.name).folder.name

    def results(self) -> dict:
        """The committed results."""
        return json.loads((self.folder / "results.json").read_text(encoding="utf-8"))

    def write_results(self, results: dict) -> None:
        """Commit other results, with the digests of the files as they are now."""
        for run in results["runs"].values():
            run["digests"] = {
                path: sha256(self.folder / path) for path in run["digests"] if (self.folder / path).exists()
            }
        (self.folder / "results.json").write_text(json.dumps(results), encoding="utf-8")

    def call(self, *command: str) -> subprocess.CompletedProcess:
        """Run Python in the copy, offline."""
        paths = os.pathsep.join([str(self.root), str(self.folder)])
        env = dict(os.environ) | {
            "PYTHONPATH": paths, "COURSEWORK_PROFILE": "tiny", "COURSEWORK_BUILD": str(self.root / "build"),
            "COURSEWORK_DATA": str(ROOT / "data"),
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, *command], cwd=self.root, env=guarded(env), capture_output=True, text=True, timeout=900
        )

    def reproduce(self, *options: str) -> tuple[int, str]:
        """Exit status and output of the command."""
        done = self.call("-m", "coursework", "reproduce", self.name, *options)
        return done.returncode, done.stdout + done.stderr

    def commit(self) -> None:
        """Run the week at `tiny` and commit what it leaves."""
        done = self.call("-c", COMMIT, self.name, find_week(self.name).small)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def records(self) -> list[Path]:
        """The committed records that the committed results name."""
        named = {path for run in self.results()["runs"].values() for path in run["digests"]}
        return sorted(self.folder / path for path in named if path.split("/")[0] in RECORDS)

    def weights(self) -> list[Path]:
        """The committed weights that the committed results name."""
        named = {path for run in self.results()["runs"].values() for path in run["digests"]}
        return sorted(self.folder / path for path in named if read_facts(self.folder / path))


def copy_course(name: str, root: Path) -> CourseCopy:
    """Copy `coursework` and one week without its records and weights; train it at `tiny` and commit the results.

    It is run twice, so that the committed results are those of a run that found committed weights.
    """
    copied = CourseCopy(root, name)
    skipped = shutil.ignore_patterns("__pycache__", "weights", "trained_on", *RECORDS)
    for folder in (ROOT / "coursework", find_week(name).folder):
        shutil.copytree(folder, root / folder.name, ignore=skipped)
    (copied.folder / "results.json").unlink()
    copied.commit()
    copied.commit()
    return copied
