"""The weekly folders: where they are, and what each says of itself in its `week.toml`."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, eq=False)
class Week:
    """One weekly folder, as its `week.toml` describes it.

    `name` is the course's number ("1W"), `headline` the metric that the READMEs quote, `metrics` what each metric
    means, `text[language]` the cells of the README's table, `tolerance` the differences that `reproduce` allows between
    machines and between copies of the data, `retrained` those after another training with the same settings. `small`
    are settings with which, at `tiny`, small networks are trained to an end in seconds.
    """

    name: str
    folder: Path
    package: str
    extra: str
    notebooks: tuple[str, ...]
    headline: str
    metrics: dict[str, str]
    text: dict[str, dict[str, str]]
    tolerance: dict[str, float] = field(default_factory=dict)
    retrained: dict[str, float] = field(default_factory=dict)
    small: str = ""

    @property
    def results(self) -> Path:
        """The committed record of this week's runs."""
        return self.folder / "results.json"

    def tolerance_of(self, metric: str) -> float:
        """Largest difference at which two runs of `metric` count as equal; 0 unless `week.toml` says otherwise."""
        return self.tolerance.get(metric, 0.0)


def read_week(folder: Path) -> Week:
    """Read `folder/week.toml`. Raises ValueError that names the file and the missing entry."""
    path = folder / "week.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return Week(folder=folder, **{**entries, "notebooks": tuple(entries["notebooks"])})
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.relative_to(folder.parent)}: {error}; compare it with the file of another week"
        ) from None


def all_weeks(root: Path = ROOT) -> list[Week]:
    """Every folder below `root` that has a `week.toml`, in the order of the course."""
    weeks = [read_week(path.parent) for path in root.glob("*W_*/week.toml")]
    return sorted(weeks, key=lambda week: int(week.name.removesuffix("W")))


def select_weeks(names: list[str], root: Path = ROOT) -> list[Week]:
    """The weeks called `names` ("1W", "1w" or the folder's name), or all of them for an empty list.

    Raises: ValueError for a name that no week has; it lists those there are.
    """
    weeks = all_weeks(root)
    if not names:
        return weeks
    by_name = {key.lower(): week for week in weeks for key in (week.name, week.folder.name)}
    unknown = [name for name in names if name.lower().strip("/") not in by_name]
    if unknown:
        known = ", ".join(week.name for week in weeks)
        raise ValueError(f"unknown week {', '.join(unknown)}; there are: {known}")
    return list(dict.fromkeys(by_name[name.lower().strip("/")] for name in names))


def find_week(name: str) -> Week:
    """The one week called `name`; see `select_weeks`."""
    return select_weeks([name])[0]
