"""Terminal behaviour of all commands: output in any encoding; one line instead of a traceback on errors and signals."""

import importlib
import signal
import sys
from collections.abc import Callable
from types import ModuleType

MISTAKES = (ValueError, FileNotFoundError, PermissionError)  # their texts say what to do
GOES_ON = "run the same command again to resume the training"
STARTS_AGAIN = "run the same command again to start over"


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception, so that what is open is closed as it is on Ctrl-C."""


def call(main: Callable[[list[str]], int], advice: str = GOES_ON) -> int:
    """Call `main` with this process's arguments; returns its exit status, or 128 + the number of the signal.

    `advice` is printed after a signal. Characters that the terminal's encoding lacks are printed as "?".
    """
    sys.stdout.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, raise_terminated)
    try:
        return main(sys.argv[1:])
    except MISTAKES as error:
        return report_mistake(error)
    except KeyboardInterrupt as stop:
        return report_stop(stop, advice)


def load(module: str, week: str) -> ModuleType:
    """Import the commands of a week. Raises ValueError that says how to install what is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed; make setup WEEK={week} installs what {week} needs") from None


def raise_terminated(number: int, frame) -> None:
    """The handler of SIGTERM."""
    raise Terminated


def report_mistake(error: Exception) -> int:
    """Write what is wrong as one line on stderr; returns the exit status."""
    print(f"error: {error}", file=sys.stderr)
    return 2


def report_stop(stop: KeyboardInterrupt, advice: str) -> int:
    """Write on stderr that the command was stopped, and what to do; returns the exit status."""
    name, number = ("SIGTERM", signal.SIGTERM) if isinstance(stop, Terminated) else ("Ctrl-C", signal.SIGINT)
    print(f"stopped by {name}; {advice}", file=sys.stderr)
    return 128 + number
