"""The competition's test labels are public; nothing that trains, tunes or chooses may depend on them."""

import pytest

from coursework import notebooks
from coursework.weeks import find_week
from tests.trial import metrics_of

SMALL = "permutations=4,trials=2,forest_trees=2,explained=20,resamples=10"
FLIP = """
from churn import telco

_read, _split = telco.read_telco, telco.pd.read_csv(telco.SPLIT)


def read_flipped():
    table, rows = _read(), _split["row"][_split["part"] == "test"]
    table.loc[rows, "Churn"] = 1 - table.loc[rows, "Churn"]
    return table


data.read_telco = read_flipped
"""


def metrics_of_the_week(flip):
    """The metrics of all sections at tiny; with `flip`, every label of the test set is turned into the other."""
    week = find_week("3W")
    notebook = notebooks.read_notebook(week.folder / "churn.ipynb")
    exercises = next(k for k, cell in enumerate(notebook.cells) if cell.source.startswith("## Exercises"))
    notebook.cells = notebook.cells[:exercises]
    loading = next(k for k, cell in enumerate(notebook.cells) if "load_customers(" in cell.source)
    before, after = notebook.cells[loading].source.split("use_style()\n")
    notebook.cells[loading].source = f"{before}{FLIP if flip else ''}\nuse_style()\n{after}"
    return metrics_of(notebook, week, SMALL)


def test_only_the_competitions_score_depends_on_the_test_labels():
    real, flipped = metrics_of_the_week(flip=False), metrics_of_the_week(flip=True)
    for name in ("competition_auc", "competition_shallow_auc"):
        assert flipped.pop(name) == pytest.approx(1 - real.pop(name), abs=1e-12)
    assert flipped.pop("competition_gain") == pytest.approx(-real.pop("competition_gain"), abs=1e-12)
    assert len(real) >= 12
    assert flipped == real
