"""The tables of the READMEs, generated from `results.json` and `week.toml`, so that text cannot drift from results."""

import math
from collections import defaultdict
from pathlib import Path

from coursework.colab import badge
from coursework.records import read_results, write_text
from coursework.weeks import ROOT, Week, all_weeks

BEGIN, END = "<!-- results: generated, do not edit -->", "<!-- end of results -->"
COLUMNS = {
    "en": ("Week", "Task", "Data", "Model", "Result here", "Original homework, own data", "Open"),
    "ru": ("Неделя", "Задача", "Данные", "Модель", "Результат здесь", "Исходная работа, её данные", "Открыть"),
}
WORDS = {
    "en": {"on": "on", "items": "items", "none": "not rendered yet", "minutes": "min",
           "computed": "computed in", "trained": "trained {} on {}, evaluated in"},
    "ru": {"on": "на", "items": "объектов", "none": "ещё не вычислено", "minutes": "мин",
           "computed": "вычислено за", "trained": "обучено за {} на {}, оценено за"},
}  # fmt: skip
DEVICE_WORDS = {" or ": " или ", " with ": " с "}  # in the names of devices, for the Russian table


def items_word(count: int, language: str) -> str:
    """The word for `count` items; in Russian its ending depends on the last two digits."""
    if language == "en":
        return WORDS["en"]["items"]
    if count % 10 == 1 and count % 100 != 11:
        return "объект"
    return "объекта" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "объектов"


RECORDED = "†"  # after a metric that a run read from a committed file
README_FILES = {"README.md": "en", "README.ru.md": "ru"}


def course_table(language: str, root: Path = ROOT) -> str:
    """The table of all weeks for the README at the root, in Markdown."""
    lines = [row(COLUMNS[language]), row(["---"] * len(COLUMNS[language]))]
    return "\n".join(lines + [row(week_cells(week, language)) for week in all_weeks(root)])


def week_cells(week: Week, language: str) -> list[str]:
    """One week's row: link, what it does, its headline result with the data source, the original's."""
    text, path = week.text[language], week.folder.name
    original = text["original"].format_map(headline_metrics(week, language))
    badges = "<br>".join(badge(f"{path}/{name}") for name in week.notebooks)
    result = headline(week, language)
    return [
        f"[**{week.name}**]({path}/)",
        text["task"],
        text["data"],
        text["model"],
        result,
        original,
        badges,
    ]


def headline_metrics(week: Week, language: str) -> defaultdict:
    """The headline run's metrics as text, for sentences of `week.toml` that quote them; a dash for others."""
    metrics = metrics_of_headline(read_results(week.results))
    return defaultdict(lambda: "–", {name: show(value, language) for name, value in metrics.items()})


def metrics_of_headline(results: dict) -> dict[str, float]:
    """The metrics of a record's headline run; empty where nothing is recorded."""
    return results["runs"].get(results["headline"], {}).get("metrics", {})


def headline(week: Week, language: str) -> str:
    """The headline result of the committed record with its data source, its size, and the minutes it took."""
    results, words = read_results(week.results), WORDS[language]
    if results["headline"] is None:
        return words["none"]
    run = results["runs"][results["headline"]]
    value = show(run["metrics"][week.headline], language)
    count = run["data"]["items"]
    data = f"{run['data']['name']}, {number(count, language)} {items_word(count, language)}"
    name = f"**{value}** {week.text[language]['headline']} {words['on']} {data}"
    return f"{name} (`{run['profile']}`, {times(run, language)})"


def times(run: dict, language: str = "en") -> str:
    """How long the training took and where, and how long the run took that evaluated it."""
    words, training = WORDS[language], run["training"]
    said = [
        f"{decimal(format(minutes, '.1f'), language)} {words['minutes']}"
        for minutes in (training["minutes"], run["minutes"])
    ]
    if not training["files"]:
        return f"{words['computed']} {said[1]}"
    device = training["device"]
    for english, russian in DEVICE_WORDS.items() if language == "ru" else ():
        device = device.replace(english, russian)
    return f"{words['trained'].format(said[0], device)} {said[1]}"


def short_headline(week: Week, results: dict) -> str:
    """The headline metric of a record in a few words, or a dash where there is none."""
    value = metrics_of_headline(results).get(week.headline)
    return "–" if value is None else f"{week.text['en']['headline']} {value:.3f}"


def week_table(week: Week) -> str:
    """All metrics of all recorded runs of one week, in Markdown, with what each run ran on."""
    runs = read_results(week.results)["runs"]
    if not runs:
        return "Not rendered yet."
    lines = [row(["metric", "what it is", *runs]), row(["---", "---", *["---:"] * len(runs)])]
    for name in dict.fromkeys(name for run in runs.values() for name in run["metrics"]):
        values = [show(run["metrics"].get(name)) + mark(run, name) for run in runs.values()]
        lines.append(row([f"`{name}`", week.metrics.get(name, ""), *values]))
    marked = any("record" in run["origins"].values() for run in runs.values())
    note = [
        f"{RECORDED} read from the committed record of a training, or from the history stored with released weights; "
        "`reproduce` lists it, but does not compute it again.",
        "",
    ]
    return "\n".join([*lines, "", *note * marked, *(describe_run(run) for run in runs.values())])


def mark(run: dict, name: str) -> str:
    """The mark of a metric that was read from a record."""
    return RECORDED if run["origins"].get(name) == "record" else ""


def describe_run(run: dict) -> str:
    """One line on what a run used: data, profile, seed, times, software and machine."""
    data, machine = run["data"], dict(run["environment"])
    tail = (
        f"{machine.pop('device')}, {machine.pop('threads')} threads, {machine.pop('cpu')}, {machine.pop('precision')}"
    )
    software = ", ".join(f"{name} {version}" for name, version in machine.items() if version)
    return (
        f"- **{data['name']}**: {data['source']}; {data['items']:,} items, profile `{run['profile']}`, "
        f"seed {run['seed']}; {times(run)}; {software}; {tail}."
    )


def show(value: float | None, language: str = "en") -> str:
    """A metric as text: whole numbers whole, others with four digits, small ones with two that count; a dash for None.

    There is no minus before zero, and what is below a millionth is zero.
    """
    if value is None:
        return "–"
    digits = 1 - math.floor(math.log10(abs(value))) if 1e-6 <= abs(value) < 1e-3 else 4
    text = str(value) if isinstance(value, int) else f"{value:z.{digits}f}"
    return decimal(text, language)


def decimal(text: str, language: str) -> str:
    """A number's text with the language's decimal sign."""
    return text.replace(".", ",") if language == "ru" else text


def number(value: int, language: str) -> str:
    """A count with thousands set apart as the language does."""
    return f"{value:,}".replace(",", "\u202f") if language == "ru" else f"{value:,}"


def row(cells) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def replace_table(path: Path, table: str) -> str:
    """The text of `path` with its generated part replaced. Raises ValueError if the markers are not there once."""
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{path.name}: expected the lines {BEGIN!r} and {END!r} once each, around the table")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def updated_readmes(root: Path = ROOT) -> dict[Path, str]:
    """What every README with a table should read now."""
    texts = {
        root / name: replace_table(root / name, course_table(language, root)) for name, language in README_FILES.items()
    }
    for week in all_weeks(root):
        path = week.folder / "README.md"
        texts[path] = replace_table(path, week_table(week))
    return texts


def write_readmes(root: Path = ROOT) -> list[Path]:
    """Bring all tables up to date; returns the files that changed."""
    changed = {path: text for path, text in updated_readmes(root).items() if path.read_text(encoding="utf-8") != text}
    for path, text in changed.items():
        write_text(path, text)
    return list(changed)
