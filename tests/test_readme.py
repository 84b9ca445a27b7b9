"""The generated tables: every number and label comes from the record."""

import pytest

from coursework import readme, records
from coursework.weeks import Week

ENVIRONMENT = {"python": "3.11", "device": "cpu", "precision": "float64", "threads": 2, "cpu": "a processor"}


def make_run(profile, accuracy, name="rows"):
    data = {"name": name, "source": "some rows", "items": 581012}
    metrics = {"accuracy": accuracy, "k": 4}
    training = {"minutes": 0, "device": "", "steps": 0, "files": {}}
    facts = {
        "overrides": "",
        "seed": 42,
        "digests": {},
        "training": training,
        "minutes": 1.25,
        "environment": ENVIRONMENT,
    }
    return {
        "profile": profile,
        "data": data,
        "metrics": metrics,
        "origins": dict.fromkeys(metrics, "computed"),
        **facts,
    }


@pytest.fixture
def week(tmp_path):
    folder = tmp_path / "1W_trial"
    folder.mkdir()
    text = {"task": "t", "data": "d", "model": "m", "headline": "right", "original": "0.7 (here {accuracy}, {absent})"}
    return Week(
        "1W", folder, "trial", "w1", ("trial.ipynb",), "accuracy", {"k": "neighbours"}, {"en": text, "ru": text}
    )


@pytest.mark.parametrize("profile", ["sample", "full"])
def test_labels_follow_the_rendered_profile(week, profile):
    records.write_results(week.results, {"headline": "rows", "runs": {"rows": make_run(profile, 0.83)}})
    expected = f"**0.8300** right on rows, 581,012 items (`{profile}`, computed in 1.2 min)"
    assert readme.headline(week, "en") == expected
    assert expected in readme.week_cells(week, "en")
    assert f"profile `{profile}`" in readme.week_table(week)


def test_russian_numbers_are_written_the_russian_way(week):
    records.write_results(week.results, {"headline": "rows", "runs": {"rows": make_run("sample", 0.83)}})
    assert (
        readme.headline(week, "ru")
        == "**0,8300** right на rows, 581\u202f012 объектов (`sample`, вычислено за 1,2 мин)"
    )
    assert "0.7 (here 0,8300, –)" in readme.week_cells(week, "ru")


def test_training_and_evaluation_are_told_apart_and_recorded_values_are_marked(week):
    run = make_run("sample", 0.5)
    run["training"] = {"minutes": 90.5, "device": "a GPU", "steps": 7, "files": {"weights/a": {}}}
    run["origins"]["k"] = "record"
    records.write_results(week.results, {"headline": "rows", "runs": {"rows": run}})
    assert readme.headline(week, "en").endswith("(`sample`, trained 90.5 min on a GPU, evaluated in 1.2 min)")
    assert readme.headline(week, "ru").endswith("(`sample`, обучено за 90,5 мин на a GPU, оценено за 1,2 мин)")
    table = readme.week_table(week)
    assert "| `accuracy` |  | 0.5000 |" in table
    assert "| `k` | neighbours | 4† |" in table
    assert "† read from the committed record of a training" in table


def test_every_run_has_a_column(week):
    runs = {"rows": make_run("sample", 0.5), "drawn": make_run("sample", 0.6, "drawn")}
    records.write_results(week.results, {"headline": "rows", "runs": runs})
    table = readme.week_table(week)
    assert "| metric | what it is | rows | drawn |" in table
    assert "| `accuracy` |  | 0.5000 | 0.6000 |" in table
    assert "| `k` | neighbours | 4 | 4 |" in table


def test_a_week_without_a_record_says_so(week):
    assert readme.headline(week, "en") == "not rendered yet"
    assert readme.week_table(week) == "Not rendered yet."


def test_markers_must_be_there_once(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    assert readme.replace_table(page, "new") == f"before\n{readme.BEGIN}\nnew\n{readme.END}\nafter\n"
    page.write_text("no table")
    with pytest.raises(ValueError, match=r"README\.md: expected the lines"):
        readme.replace_table(page, "new")


def test_numbers_are_shown_alike():
    shown = [readme.show(value) for value in (None, 3, 0.12345, -1e-9)]
    assert shown == ["–", "3", "0.1235", "0.0000"]
    assert [readme.show(value) for value in (0.000073, 0.00123, 1e-9)] == ["0.000073", "0.0012", "0.0000"]
    assert readme.show(0.5, "ru") == "0,5000"
