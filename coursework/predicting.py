"""The shape that all commands `python -m <week's package> predict FILE…` have: files of your own, one answer each."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

Answer = Callable[[Path], dict]


def predict(
    arguments: list[str],
    package: str,
    description: str,
    prepare: Callable[[argparse.Namespace], Answer],
    tell: Callable[[dict], str],
    add_options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> int:
    """Answer for each file that `arguments` name, a line each or all as JSON; returns the exit status.

    `prepare` is called once with the parsed options, loads what is needed, and returns what answers for one file: a
    dict of JSON values. `tell` makes a line of text of it. A file that cannot be used is one line on stderr; the
    others are answered nevertheless, and the status is 1. Progress is shown on a terminal only.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package} predict", description=description)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a line for each file")
    if add_options:
        add_options(parser)
    options = parser.parse_args(arguments)
    answer, answers, faults = prepare(options), [], 0
    for path in tqdm(options.files, unit="file", leave=False, disable=None):
        try:
            found = answer(path)
        except (ValueError, OSError) as error:
            tqdm.write(f"error: {path.name}: {reason(error)}", file=sys.stderr)
            faults += 1
            continue
        answers.append({"file": str(path), **found})
        if not options.json:
            tqdm.write(f"{path.name}: {tell(found)}")
    if options.json:
        print(json.dumps(answers, indent=2, ensure_ascii=False))
    return int(faults > 0)


def reason(error: Exception) -> str:
    """The error in one line, without the path, which stands before it."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
