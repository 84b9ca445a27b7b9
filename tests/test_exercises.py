"""Exercises: every week ends with three or more; the stub fails its check, the folded solution passes it."""

import re

import nbformat
import pytest
from nbformat import v4

from coursework.exercises import attempt, find_exercises, setup_of
from coursework.weeks import all_weeks

NOTEBOOKS = [(week, name) for week in all_weeks() for name in week.notebooks]
EXERCISES = [
    pytest.param(week, name, exercise, id=f"{week.name}-{exercise.number}")
    for week, name in NOTEBOOKS
    for exercise in find_exercises(nbformat.read(week.folder / name, 4))
]


@pytest.mark.parametrize("week", all_weeks(), ids=lambda week: week.name)
def test_every_week_ends_with_exercises_and_has_something_to_try(week):
    notebooks = [nbformat.read(week.folder / name, 4) for name in week.notebooks]
    numbers = [exercise.number for notebook in notebooks for exercise in find_exercises(notebook)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 3
    text = "\n".join(cell.source for notebook in notebooks for cell in notebook.cells)
    levels = re.findall(r"\*\*(\d)\.\*\* \*(Easy|Medium|Hard)\.\*", text)
    assert [int(number) for number, _ in levels] == numbers
    assert {level for _, level in levels} == {"Easy", "Medium", "Hard"}
    tries = [cell for notebook in notebooks for cell in notebook.cells if cell.source.startswith("# Try it")]
    assert len(tries) == 1
    assert tries[0].cell_type == "code"


@pytest.mark.parametrize(("week", "name", "exercise"), EXERCISES)
def test_the_stub_fails_and_the_solution_passes(week, name, exercise, capsys, monkeypatch):
    monkeypatch.setenv("COURSEWORK_PROFILE", "tiny")
    setup = setup_of(nbformat.read(week.folder / name, 4))
    for code, verdict in ((exercise.stub, "not yet"), (exercise.solution, "solved")):
        names: dict = {}
        exec(setup, names)
        exec(code, names)
        capsys.readouterr()
        exec(exercise.check, names)
        assert re.fullmatch(rf"Exercise {exercise.number}: {verdict}\..*\n", capsys.readouterr().out)


def test_an_attempt_says_what_failed_and_goes_on(capsys):
    with attempt(1):
        assert sum([1, 2]) == 4, "1 and 2 are not 4"
    with attempt(2):
        int("x")
    with attempt(3):
        pass
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Exercise 1: not yet. 1 and 2 are not 4"
    assert re.fullmatch(r"Exercise 2: not yet\. ValueError in line \d+: invalid literal for int\(\).*", said[1])
    assert said[2] == "Exercise 3: solved."


def test_an_exercise_without_a_solution_is_named():
    check = v4.new_code_cell("with attempt(1):\n    assert double(2) == 4")
    cells = [v4.new_code_cell("def double(x): ..."), check, v4.new_markdown_cell("the end")]
    with pytest.raises(ValueError, match="exercise 1: expected a stub before its check, and a folded solution"):
        find_exercises(v4.new_notebook(cells=cells))


def test_only_imports_are_taken_from_a_notebook():
    cells = [
        v4.new_code_cell("%load_ext autoreload\nimport math\nx = math.pi"),
        v4.new_code_cell("import os\nprint(1)"),
    ]
    assert setup_of(v4.new_notebook(cells=cells)) == "import math\nimport os"
