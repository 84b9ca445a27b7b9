"""pytest plugin (`-p coursework.testing`): every test, worker and kernel runs at `tiny`, offline, on one thread.

It must act before numpy is imported and before workers and kernels start, hence module level, not fixtures.
"""

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from coursework.bands import outside, read_bands, recorded_metrics, rising_losses
from coursework.offline import guarded
from coursework.offline import sitecustomize as guard  # noqa: F401  importing it closes this process's network
from coursework.records import build_root
from coursework.weeks import ROOT

STARTED = time.time()
for name in ("COURSEWORK_SET", "COURSEWORK_DATA", "COURSEWORK_ADDRESS", "COURSEWORK_REPRODUCE"):
    os.environ.pop(name, None)
os.environ |= {
    "COURSEWORK_PROFILE": "tiny",
    "COURSEWORK_BUILD": str(ROOT / "build" / "tests"),
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
os.environ |= guarded(dict(os.environ))

# Folders at the root that hold no source, for where there is no git to say so.
PRODUCED = {".git", ".venv", "build", "data", ".pytest_cache", ".ruff_cache", ".hypothesis", "coursework.egg-info"}


def tracked_files() -> list[str]:
    """The repository's files, as git lists them; in a download without git, all that no tool has produced."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return listed.stdout.splitlines()
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    kept = (path for path in paths if path.parts[0] not in PRODUCED and "__pycache__" not in path.parts)
    return sorted(path.as_posix() for path in kept)


class RecordItem(pytest.Item):
    """After the last cell of a notebook: has it saved a record, and is what stands there as good as it has to be?"""

    def runtest(self) -> None:
        folder = build_root() / self.path.parent.name.partition("_")[0] / "tiny"
        record = folder / "results.json"
        if not record.exists() or record.stat().st_mtime < STARTED:
            pytest.fail(f"{self.path.name} has saved no record; a cell must call run.save()", pytrace=False)
        bands = read_bands("tiny")[self.path.name]
        faults = [*outside(bands, recorded_metrics(record)), *rising_losses(folder / "keep" / "weights")]
        if faults:
            pytest.fail("\n".join(faults), pytrace=False)

    def reportinfo(self) -> tuple[os.PathLike, None, str]:
        return self.path, None, f"{self.path.name}: record"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Add a RecordItem to the cells that nbval finds in a notebook."""
    report = yield
    if isinstance(collector, pytest.File) and collector.path.suffix == ".ipynb" and report.passed:
        report.result.append(RecordItem.from_parent(collector, name="record"))
    return report


COUNTS = {"deselected": 0}


def pytest_deselected(items) -> None:
    """Count what the markers leave out, which xdist's controller does not report by itself."""
    COUNTS["deselected"] += len(items)


def pytest_sessionfinish(session) -> None:
    """A worker hands its count to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["deselected"] = COUNTS["deselected"]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """The controller takes a worker's count; all workers leave out the same tests."""
    COUNTS["deselected"] = getattr(node, "workeroutput", {}).get("deselected", 0)


def pytest_terminal_summary(terminalreporter) -> None:
    """Say where the time went, how many tests were left out, and how to run them."""
    for line in timing_table(report for reports in terminalreporter.stats.values() for report in reports):
        terminalreporter.write_line(line)
    if COUNTS["deselected"]:
        terminalreporter.write_line(f"{COUNTS['deselected']} tests deselected by marker; make test-all runs them")


def timing_table(reports: Iterable, least: float = 5.0) -> Iterator[str]:
    """Seconds by test file or notebook, the slowest first; those below `least` seconds together."""
    seconds = Counter()
    for report in reports:
        if hasattr(report, "duration"):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    slow = [(name, spent) for name, spent in seconds.most_common() if spent >= least]
    for name, spent in slow:
        yield f"{spent:8.1f} s  {name}"
    quick = sum(seconds.values()) - sum(spent for _, spent in slow)
    yield f"{quick:8.1f} s  {len(seconds) - len(slow)} others"
