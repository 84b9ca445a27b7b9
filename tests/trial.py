"""A week of one small notebook, for tests of what runs, renders and reproduces notebooks."""

import json

import nbformat
from nbformat import v4

from coursework import notebooks

RECORD = """
from coursework.records import Run
run = Run("1W", "rows", "some rows", 3, 0, {"python": "3", "device": "cpu", "threads": 1, "cpu": "c", "precision": "p"})
run.add(accuracy=ACCURACY)
run.save()
"""
COVER = """
import matplotlib.pyplot as plt
from coursework.figures import save_cover, use_style
use_style()
figure, ax = plt.subplots(figsize=(2, 1))
save_cover(figure, "1W")
plt.show()
"""


def write(week, *sources, name="trial.ipynb"):
    """Give the week a notebook with these code cells."""
    cells = [v4.new_markdown_cell("# Trial [![Open in Colab](a)](b)"), *map(v4.new_code_cell, sources)]
    nbformat.write(v4.new_notebook(cells=cells), week.folder / name)


def record(accuracy):
    """The source of a cell that records this accuracy."""
    return RECORD.replace("ACCURACY", str(accuracy))


def no_overrides(_):
    """What a command without `--set` hands on."""
    return ""


def metrics_of(notebook, week, overrides="") -> dict[str, float]:
    """What a week's notebook, as it stands in memory, has recorded after its last cell, at tiny."""
    notebook.cells.append(v4.new_code_cell("import json; print(json.dumps(run.metrics))"))
    assert notebooks.execute(notebook, week.folder, notebooks.kernel_environment("tiny", overrides)) is None
    return json.loads(notebook.cells[-1].outputs[0].text)
