"""Which profile a notebook runs at, and how a config field is overridden without editing code.

The environment decides: COURSEWORK_PROFILE is `tiny`, `sample` (the default) or `full`, and
COURSEWORK_SET="rows=500,7W.epochs=1" overrides config fields, for one week where a prefix names it.
"""

import dataclasses
import difflib
import os
import types
import typing

from coursework.weeks import all_weeks

PROFILES = ("tiny", "sample", "full")
RELEASED = "released"  # the settings that produced the committed results, which `reproduce --retrain` repeats
SETTINGS = {  # every variable of the environment that means something here
    "COURSEWORK_ADDRESS": "owner/name@branch of the public repository",
    "COURSEWORK_BUILD": "folder for everything that runs produce",
    "COURSEWORK_DATA": "folder of the data sets",
    "COURSEWORK_DEVICE": "cpu or cuda",
    "COURSEWORK_PROFILE": "tiny, sample or full",
    "COURSEWORK_REPRODUCE": "data sets of the record, set by `reproduce` for its notebooks",
    "COURSEWORK_SET": "config fields to override",
}


def check_environment() -> None:
    """Raise ValueError for a variable COURSEWORK_… that is no setting; it lists those there are."""
    for name in os.environ:
        if name.startswith("COURSEWORK_") and name not in SETTINGS:
            ends = {known.removeprefix("COURSEWORK_"): known for known in SETTINGS}  # the start alone is half alike
            close = difflib.get_close_matches(name.removeprefix("COURSEWORK_"), ends, n=1)
            hint = f"did you mean {ends[close[0]]}? " if close else ""
            raise ValueError(f"unknown environment variable {name}; {hint}Known variables: {', '.join(SETTINGS)}")


def profile_name() -> str:
    """The profile that COURSEWORK_PROFILE names. Raises ValueError for an unknown one, or an unknown setting."""
    check_environment()
    return check_profile(os.environ.get("COURSEWORK_PROFILE", "sample"))


def check_profile(name: str) -> str:
    """`name`, if it is a profile, or `released`. Raises ValueError that lists the profiles."""
    if name not in (*PROFILES, RELEASED):
        raise ValueError(f"unknown profile {name!r}; COURSEWORK_PROFILE takes {', '.join(PROFILES)}")
    return name


def load_config(week: str, configs: dict):
    """The config of the current profile with the overrides of COURSEWORK_SET applied.

    `configs` maps each profile to an instance of the week's frozen dataclass.
    Raises: ValueError for an unknown profile, week, field, or a value of the wrong type.
    """
    config = configs[profile_name()]
    overrides = overrides_for(week, os.environ.get("COURSEWORK_SET", ""))
    types_by_field = typing.get_type_hints(type(config))
    unknown = [name for name in overrides if name not in types_by_field]
    if unknown:
        raise ValueError(f"{week} has no config field {', '.join(unknown)}; it has: {', '.join(types_by_field)}")
    values = {name: parse_value(name, text, types_by_field[name]) for name, text in overrides.items()}
    return dataclasses.replace(config, **values)


def parse_overrides(text: str) -> list[tuple[str | None, str, str]]:
    """Split "rows=500,7W.epochs=1" into [(None, "rows", "500"), ("7W", "epochs", "1")].

    Raises: ValueError for an entry without "=", or a prefix that is no week.
    """
    entries = []
    weeks = [week.name for week in all_weeks()]
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        prefix, dot, field = key.strip().rpartition(".")
        if not equals or not field or not value.strip():
            raise ValueError(f"cannot read override {part!r}; write field=value or 1W.field=value")
        if dot and prefix.upper() not in weeks:
            raise ValueError(f"override {part!r}: {prefix!r} is not a week; weeks are: {', '.join(weeks)}")
        entries.append((prefix.upper() or None, field, value.strip()))
    return entries


def overrides_for(week: str, text: str) -> dict[str, str]:
    """The overrides of `text` that concern `week`, as {field: value}; a prefixed one beats a bare one."""
    entries = parse_overrides(text)
    bare = {field: value for prefix, field, value in entries if prefix is None}
    prefixed = {field: value for prefix, field, value in entries if prefix == week}
    return bare | prefixed


def parse_value(name: str, text: str, kind: type):
    """Turn `text` into `kind`: bool, int, float, str, a tuple of one of them ("1:2:3"), or None where allowed.

    Raises: ValueError that names the field, the text and what was expected.
    """
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if text.lower() == "none":
            return None
        kind = next(option for option in typing.get_args(kind) if option is not types.NoneType)
    if typing.get_origin(kind) is tuple:
        return tuple(parse_value(name, part, typing.get_args(kind)[0]) for part in text.split(":"))
    if kind is bool:
        answers = {"true": True, "1": True, "false": False, "0": False}
        if text.lower() not in answers:
            raise ValueError(f"{name}={text}: expected true or false")
        return answers[text.lower()]
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{name}={text}: expected {kind.__name__}") from None
