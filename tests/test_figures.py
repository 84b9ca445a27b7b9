"""Pictures side by side, and figures that a notebook keeps as JPEG."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from nbformat import v4
from PIL import Image

from coursework import figures, notebooks


def test_a_grid_has_a_cell_a_picture_and_hides_the_rest():
    figure = figures.image_grid(np.zeros((5, 4, 4, 3), np.uint8), list("abcde"), columns=3)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["a", "b", "c", "d", "e", ""]
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert not any(ax.axison for ax in figure.axes)
    plt.close(figure)


def test_figures_inside_as_jpeg_are_jpeg_and_the_next_is_not(tmp_path):
    source = """
from coursework.figures import as_jpeg, image_grid, use_style
import matplotlib.pyplot as plt, numpy as np
use_style()
with as_jpeg():
    image_grid(np.zeros((2, 8, 8, 3), np.uint8))
    plt.show()
plt.plot([1, 2])
plt.gca().set(title="a rise", xlabel="x", ylabel="y")
plt.show()
"""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source)])
    assert notebooks.execute(notebook, tmp_path, notebooks.kernel_environment("tiny", "")) is None
    kinds = [set(output.data) & {"image/png", "image/jpeg"} for output in notebook.cells[0].outputs]
    assert kinds == [{"image/jpeg"}, {"image/png"}]
    notebooks.strip_volatile(notebook)
    assert [output.metadata for output in notebook.cells[0].outputs] == [
        {"image/jpeg": {"alt": "Figure of 2 panels: pictures."}},
        {"image/png": {"alt": "Figure: a rise, y against x."}},
    ]
    encoded = notebook.cells[0].outputs[0].data["image/jpeg"]
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).format == "JPEG"
    notebooks.write_figures(tmp_path / "figures", notebook)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["cell-01-1.jpeg", "cell-01-2.png"]


def test_a_figure_is_described_by_its_titles_axes_and_names():
    figure, (first, second) = plt.subplots(1, 2)
    figure.suptitle("Two ways")
    first.plot([1, 2], label="train")
    first.plot([2, 1], label="test")
    first.set(title="loss", xlabel="epoch", ylabel="nats")
    first.legend()
    figures.heat_map(second, np.eye(2), ["a", "b"], ["c", "d"])
    assert figures.describe(figure) == "Figure of 2 panels: Two ways; loss, nats against epoch, for train, test."
    first.set_title("word " * 100)
    assert len(figures.describe(figure)) <= 300
    plt.close(figure)


def test_a_plot_with_fewer_colours_looks_the_same():
    figure, ax = plt.subplots(dpi=100)
    for k, colour in enumerate((figures.BLUE, figures.ORANGE, figures.GREEN, figures.RED)):
        ax.plot([0, 1], [k, 4 - k], color=colour, alpha=0.8)
    buffer = io.BytesIO()
    figure.savefig(buffer)
    plt.close(figure)
    before = base64.b64encode(buffer.getvalue()).decode()
    after = figures.reduce_colours(before)
    shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in (before, after)]
    assert len(after) < len(before) / 2
    assert np.abs(shown[0].astype(int) - shown[1]).max() <= 20
