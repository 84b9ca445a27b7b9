"""Command line: python -m coursework run|sync|render|check|reproduce|rekey|fetch [WEEK…], tables, unpack FOLDER."""

import argparse
import dataclasses
import importlib
import os
import sys
from pathlib import Path

from coursework import commands, datasets, readme, reproduce, sync, terminal
from coursework.profile import PROFILES, check_environment, check_profile, overrides_for, parse_overrides
from coursework.weeks import Week, select_weeks

FETCH = (
    "Download the data sets of the weeks into the data folder: data/, or where COURSEWORK_DATA points. What is there "
    "stays. Where an account or a form is needed, numbered steps say what to do. Exit status: 0 if all data sets are "
    "there now, 1 if steps are left for you, 2 if something went wrong."
)


def build_parser() -> argparse.ArgumentParser:
    """The parser; its help is the manual."""
    parser = argparse.ArgumentParser(prog="python -m coursework", description="Run, render and check the notebooks.")
    commands_ = parser.add_subparsers(dest="command", required=True)
    helps = {
        "run": "execute copies of the notebooks into build/",
        "sync": "write the modules' code into the source cells of the notebooks",
        "render": "sync, execute, check the outputs, and write notebooks, records and tables into the weeks",
        "check": "check the outputs of the committed notebooks (no errors, no paths, size limits, …)",
        "reproduce": "repeat every recorded run with its profile and overrides, and compare it with the record",
        "fetch": "download the data sets of the weeks into the data folder, or say how to get them",
    }
    for name, text in helps.items():
        command = commands_.add_parser(name, help=text, description=FETCH if name == "fetch" else text)
        command.add_argument("weeks", nargs="*", metavar="WEEK", help="1W, 2W, …; default: all weeks")
        if name == "run":
            default = os.environ.get("COURSEWORK_PROFILE", "tiny")
            command.add_argument("--profile", choices=PROFILES, default=default)
        if name == "render":  # what is committed is never tiny
            command.add_argument("--profile", choices=PROFILES[1:], default="sample")
        if name in ("run", "render"):
            given = os.environ.get("COURSEWORK_SET", "")
            command.add_argument(
                "--set", default=given, dest="overrides", metavar="k=v,…", help="override config fields"
            )
        if name == "reproduce":
            text = "ignore committed weights and records, and repeat every training with the released settings"
            command.add_argument("--retrain", action="store_true", help=text)
            text = "leave out, with a notice, recorded runs that need a data set that is not in the data folder"
            command.add_argument("--skip-missing", action="store_true", help=text)
    text = "after a pure renaming: if all trainings give identical results, update the code hash in committed files"
    rekeying = commands_.add_parser("rekey", help=text, description=text)
    rekeying.add_argument("weeks", nargs="+", metavar="WEEK", help="1W, 2W, …")
    rekeying.add_argument("--since", default="HEAD", metavar="REV", help="the git revision before it (default: HEAD)")
    commands_.add_parser("tables", help="write the READMEs' tables from the records again")
    unpack = commands_.add_parser("unpack", help="put the known archives of a folder into the data folder")
    unpack.add_argument("folder", type=Path)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. A mistake in the arguments ends in one line, not in a traceback."""
    options = build_parser().parse_args(arguments)
    try:
        return dispatch(options)
    except terminal.MISTAKES as error:
        return terminal.report_mistake(error)
    except KeyboardInterrupt as stop:
        resumes = options.command in ("run", "render")
        return terminal.report_stop(stop, terminal.GOES_ON if resumes else terminal.STARTS_AGAIN)


def dispatch(options: argparse.Namespace) -> int:
    """Call the command that `options` name."""
    check_environment()
    if options.command == "tables":
        print("\n".join(commands.shown_path(path) for path in readme.write_readmes()) or "all tables are up to date")
        return 0
    if options.command == "unpack":
        print("\n".join(datasets.unpack_all(options.folder)))
        return 0
    if options.command == "run":
        check_profile(options.profile)  # argparse does not check a default, here from the environment
    weeks = select_weeks(options.weeks)
    if options.command == "rekey":
        from coursework import rekey  # only here: it needs torch

        return rekey.rekey(weeks, options.since)
    if options.command == "fetch":
        from coursework import fetching  # only here: other commands need no network

        return fetching.fetch(weeks)
    if options.command == "sync":
        changed = sync.sync(weeks)
        print("\n".join(commands.shown_path(path) for path in changed) or "all source cells are up to date")
        return 0
    if options.command == "check":
        return commands.check(weeks)
    fields = {week.name: config_fields(week) for week in weeks}
    given = getattr(options, "overrides", "")  # `reproduce` takes those of the record
    check_overrides(given, fields)

    def overrides(week: Week) -> str:
        wanted = overrides_for(week.name, given)
        wanted |= {"retrain": "true"} if getattr(options, "retrain", False) else {}
        return ",".join(f"{name}={value}" for name, value in wanted.items() if name in fields[week.name])

    if options.command == "reproduce":
        return reproduce.reproduce(weeks, overrides, options.retrain, options.skip_missing)
    command = {"run": commands.run, "render": commands.render}[options.command]
    return command(weeks, options.profile, overrides)


def config_fields(week: Week) -> list[str]:
    """The names of the fields of a week's config."""
    configs = importlib.import_module(f"{week.package}.config").CONFIGS
    return [field.name for field in dataclasses.fields(next(iter(configs.values())))]


def check_overrides(text: str, fields: dict[str, list[str]]) -> None:
    """Raise ValueError for an override of `text` that no selected week has; it lists the fields of each."""
    for prefix, name, _ in parse_overrides(text):
        concerned = [prefix] if prefix else list(fields)
        if not any(name in fields.get(week, []) for week in concerned):
            listing = "; ".join(f"{week}: {', '.join(names)}" for week, names in fields.items())
            raise ValueError(f"no selected week has a config field {name!r}. {listing}")


if __name__ == "__main__":
    sys.exit(terminal.call(main))
