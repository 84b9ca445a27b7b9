"""Run weeks side by side: one process a week, as many at once as processor cores and memory allow.

The weeks of a course grow longer, so the last one starts first. Each kernel gets its share of the cores.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait

import psutil
from tqdm import tqdm

from coursework import notebooks
from coursework.notebooks import Outcome
from coursework.records import build_dir
from coursework.runtime import thread_count
from coursework.terminal import MISTAKES, raise_terminated
from coursework.weeks import Week

MEMORY = 3 * 2**30  # bytes that one week at `tiny` may take; the largest took 1.9 GiB
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def places(profile: str) -> int:
    """How many weeks may run at once: at `tiny` one a core, fewer if memory is short; else one, with all cores."""
    if profile != "tiny":
        return 1
    return max(1, min(thread_count(), psutil.virtual_memory().available // MEMORY))


def run_weeks(weeks: list[Week], profile: str, overrides: Callable[[Week], str]) -> Iterator[list[Outcome]]:
    """Run the notebooks of `weeks`; yields the outcomes of each week when it ends.

    Raises: what a week raises, KeyboardInterrupt or Terminated; all processes are ended first.
    """
    count = min(places(profile), len(weeks))
    if count == 1:
        yield from (notebooks.run_week(week, profile, overrides(week)) for week in weeks)
    else:
        yield from run_in_processes(weeks, profile, overrides, count)


def run_in_processes(
    weeks: list[Week], profile: str, overrides: Callable[[Week], str], count: int
) -> Iterator[list[Outcome]]:
    """`run_weeks` with at most `count` processes at once, which share the cores."""
    threads = max(1, thread_count() // count)
    waiting, running = list(weeks), {}
    try:
        while waiting or running:
            while waiting and len(running) < count:
                worker = Worker(waiting.pop(), profile, overrides, threads, free_line(running))
                running[worker.connection] = worker
            for connection in wait(list(running)):
                outcomes = running[connection].read()
                if outcomes is not None:
                    running.pop(connection).close()
                    yield outcomes
    finally:
        for worker in running.values():
            worker.stop()


def free_line(running: dict) -> int:
    """The first line of the terminal, counted from 0, that no running week uses."""
    used = {worker.line for worker in running.values()}
    return next(line for line in range(len(used) + 1) if line not in used)


class Worker:
    """A process that runs the notebooks of one week, and its progress bar."""

    def __init__(self, week: Week, profile: str, overrides: Callable[[Week], str], threads: int, line: int):
        context = multiprocessing.get_context("spawn")
        self.week, self.profile, self.line = week, profile, line
        self.connection, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(theirs, week, profile, overrides(week), threads))
        self.process.start()
        theirs.close()  # so that the end of the process is the end of the connection
        self.bar = tqdm(desc=f"{week.name:>3}", unit="cell", position=line, leave=False, disable=None)

    def read(self) -> list[Outcome] | None:
        """Read one message: move the bar and return None, or return the outcomes, the last message.

        A process that ended without a word is a failed outcome. Raises: the exception that the process sent.
        """
        try:
            message = self.connection.recv()
        except EOFError:
            self.process.join()
            return [self.lost()]
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, list):
            return [replace(outcome, week=self.week) for outcome in message]
        self.bar.n, self.bar.total = message
        self.bar.refresh()
        return None

    def lost(self) -> Outcome:
        """The outcome of a week whose process was killed."""
        error = f"its process ended with {self.process.exitcode}; a machine short of memory does that"
        name = self.week.notebooks[0]
        return Outcome(self.week, name, build_dir(self.week.name, self.profile) / name, 0.0, error)

    def close(self) -> None:
        """Wait for the process, which has sent its last message, and take the bar away."""
        self.bar.close()
        self.process.join()
        self.connection.close()

    def stop(self) -> None:
        """Tell the process to end; it ends its kernel first."""
        self.process.terminate()
        self.close()


def work(connection: Connection, week: Week, profile: str, overrides: str, threads: int) -> None:
    """What a worker's process does: run the week and send its progress, then its outcomes or an exception."""
    signal.signal(signal.SIGTERM, raise_terminated)
    os.environ |= dict.fromkeys(THREADS, str(threads))
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed process leaves behind
    try:
        connection.send(notebooks.run_week(week, profile, overrides, report=lambda *cells: connection.send(cells)))
    except MISTAKES as error:
        connection.send(error)
    except KeyboardInterrupt:  # the parent was stopped, too, and says so
        sys.exit(1)
