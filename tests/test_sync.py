"""Source cells: they hold the modules' code, and who edits one changes what the notebook computes."""

import nbformat
import pytest
from nbformat import v4

from coursework import notebooks, sync
from coursework.__main__ import main
from coursework.weeks import all_weeks, find_week

NOTEBOOKS = [(week, name) for week in all_weeks() for name in week.notebooks]
TAUGHT = [(week, name) for week, name in NOTEBOOKS if sync.source_cells(notebooks.read_notebook(week.folder / name))]


def recorded(metric):
    """The text that occurs in the cell that records a metric, and the expression of its value."""
    return f"{metric}=", f"run.metrics[{metric!r}]"


# For each notebook with source cells: an edit of one of them, the cell to run to, and a value that must change.
EDITS = {
    "knn.ipynb": ("np.argsort(distances", "np.argsort(-distances", *recorded("scratch_agreement")),
    "churn.ipynb": ("curvature = probs * (1 - probs)", "curvature = np.ones(len(y))", *recorded("scratch_auc")),
    "logistic_regression.ipynb": (
        "- self.lr * grad_weights",
        "+ self.lr * grad_weights",
        *recorded("mnist01_cv_accuracy"),
    ),
    "image_classification.ipynb": (
        '{"loss": criterion(logits, labels)',
        '{"loss": -criterion(logits, labels)',
        "history = train.fit(",  # released weights would hide the edit
        "history[0]['validation_loss']",
    ),
    "semantic_segmentation.ipynb": (
        '{"loss": loss(logits.float(), masks)}',
        '{"loss": -loss(logits.float(), masks)}',
        "history = train.fit(",
        "history[0]['loss']",
    ),
}
MODULE = """
import math

LIMIT = 3


def double(x):
    \"\"\"Twice x.\"\"\"
    return 2 * x


@decorated
class Thing:
    size: int = LIMIT  # of it


HALF, named = 0.5, 1
"""


@pytest.fixture
def taught(week):
    (week.folder / "knn").mkdir()
    (week.folder / "knn" / "parts.py").write_text(MODULE)
    return week


def write(week, *tags):
    cells = [v4.new_markdown_cell("# 1W"), *(v4.new_code_cell("old", metadata={"tags": [tag]}) for tag in tags)]
    nbformat.write(v4.new_notebook(cells=cells), week.folder / "trial.ipynb")


def sources(week):
    return [cell.source for cell in notebooks.read_notebook(week.folder / "trial.ipynb").cells[1:]]


def test_sync_writes_definitions_in_the_order_of_the_tag(taught):
    write(taught, "source:knn.parts:Thing double", "source:knn.parts:LIMIT", "source:coursework.tags:PREFIX", "other")
    assert sync.sync([taught]) == [taught.folder / "trial.ipynb"]
    double = 'def double(x):\n    """Twice x."""\n    return 2 * x'
    thing = "@decorated\nclass Thing:\n    size: int = LIMIT  # of it"
    assert sources(taught) == [f"{thing}\n\n\n{double}", "LIMIT = 3", 'PREFIX = "source:"', "old"]
    assert sync.sync([taught]) == []


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("source:knn.parts", "cell 2: tag 'source:knn.parts'; write source:module:name"),
        ("source:knn.parts: ", "write source:module:name"),
        ("source:knn.nothing:double", "no module knn.nothing in 1W_trial/"),
        ("source:knn.parts:double treble", "parts.py does not define treble"),
    ],
)
def test_a_tag_that_leads_nowhere_is_named(taught, tag, reason):
    write(taught, tag)
    with pytest.raises(ValueError, match=reason):
        sync.sync([taught])
    assert sources(taught) == ["old"]


def test_the_command_says_that_all_is_up_to_date(capsys):
    assert main(["sync"]) == 0
    assert capsys.readouterr().out == "all source cells are up to date\n"


@pytest.mark.parametrize(("week", "name"), TAUGHT)
def test_source_cells_hold_the_code_of_their_modules(week, name):
    stale = sync.stale_cells(notebooks.read_notebook(week.folder / name), week.folder)
    assert [found.number for found, _ in stale] == [], "python -m coursework sync"


def test_every_notebook_with_source_cells_has_an_edit_that_is_tried():
    assert {name for _, name in TAUGHT} == set(EDITS)
    assert "2W" in {week.name for week, _ in TAUGHT}


def values_around_an_edit(week, name, old, new, last, expression):
    """A value at tiny: at first, after the cells from a source cell on have run again, and with that cell edited.

    The notebook is run as far as the cell that contains the text `last`.
    """
    probe = f"print({expression})"
    cells = notebooks.read_notebook(week.folder / name).cells
    (found,) = [found for found in sync.source_cells(v4.new_notebook(cells=cells)) if old in found.cell.source]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    code = code[: 1 + next(k for k, source in enumerate(code) if last in source)]
    _, *rest = after = code[code.index(found.cell.source) :]
    parts = [code, after, [found.cell.source.replace(old, new), *rest]]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for part in parts for source in (*part, probe)])
    assert notebooks.execute(notebook, week.folder, notebooks.kernel_environment("tiny", "")) is None
    return [float(cell.outputs[0].text) for cell in notebook.cells if cell.source == probe]


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_cell_changes_the_result(name):
    week = next(week for week, taught in TAUGHT if taught == name)
    first, again, edited = values_around_an_edit(week, name, *EDITS[name])
    assert first == again != edited


def test_collapsed_cells_stay_collapsed():
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1", metadata={"tags": [notebooks.HIDDEN], "x": 1})])
    notebooks.strip_volatile(notebook)
    assert notebook.cells[0].metadata == {"tags": ["hide-input"], **notebooks.COLLAPSED}
    committed = notebooks.read_notebook(find_week("2W").folder / "logistic_regression.ipynb").cells
    hidden = [cell for cell in committed if notebooks.HIDDEN in cell.metadata.get("tags", [])]
    assert len(hidden) > 3
    assert all(cell.metadata["jupyter"]["source_hidden"] and cell.metadata["cellView"] == "form" for cell in hidden)
