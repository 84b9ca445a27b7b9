"""The gate refuses what it promises to refuse, and names file, cell and reason."""

import base64
import io

import nbformat
import pytest
from nbformat import v4
from PIL import Image

from coursework import gate


def make_notebook(*cells):
    notebook = v4.new_notebook(cells=list(cells))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


def code(source="1", count=1, outputs=(), **metadata):
    return v4.new_code_cell(source, execution_count=count, outputs=list(outputs), metadata=metadata)


def shown(data, alt="a line that falls"):
    words = {kind: {"alt": alt} for kind in data if alt and kind.startswith("image/")}
    return v4.new_output("display_data", data=data, metadata=words)


def picture(width, height, kind="PNG"):
    content = io.BytesIO()
    Image.new("L", (width, height)).save(content, kind)
    return base64.b64encode(content.getvalue()).decode()


def complaints(tmp_path, notebook):
    path = tmp_path / "week.ipynb"
    path.write_text(nbformat.writes(notebook))
    return gate.check_notebook(path)


def test_a_clean_notebook_passes(tmp_path):
    outputs = [
        v4.new_output("stream", text="0.79\n"),
        shown({"image/png": picture(900, 400), "text/plain": "<Figure>"}),
    ]
    assert complaints(tmp_path, make_notebook(v4.new_markdown_cell("# Title"), code(outputs=outputs))) == []


def stream(text, name="stdout"):
    return v4.new_output("stream", text=text, name=name)


# A path that is absolute for the gate, put together here so that this file itself holds none.
HOME = "/".join(["", "home", "ann", "week.csv"])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (code(count=None), "not executed"),
        (code(count=2), "execution count 2, expected 1"),
        (code(source=" "), "an empty code cell"),
        (code(execution={"iopub.execute_input": "2026"}), "the times at which it ran"),
        (code(outputs=[v4.new_output("error", ename="ValueError", evalue="no")]), "ends in ValueError: no"),
        (code(outputs=[stream("FutureWarning: soon", "stderr")]), "writes to stderr: FutureWarning: soon"),
        (code(outputs=[stream(f"read {HOME}")]), "absolute path '/home/ann"),
        (code(source="open('C:\\\\data')"), "absolute path"),
        (code(outputs=[stream("done 2026-01-02 03:04")]), "time stamp '2026-01-02 03:04'"),
        (v4.new_markdown_cell("token ghp_" + "a" * 36), "access token"),
        (code(outputs=[stream("line\n" * 61)]), "62 lines of text, at most 60"),
        (code(outputs=[shown({"text/plain": "x\n" * 70})]), "71 lines of text"),
        (code(outputs=[shown({"text/html": "<tr>" * 70})]), "70 lines of text"),
        (code(outputs=[shown({"text/markdown": "x\n" * 70})]), "71 lines of text"),
        (
            code(outputs=[shown({"application/vnd.plotly.v1+json": {}, "text/plain": "x"})]),
            "v1+json, which GitHub",
        ),
        (code(outputs=[shown({"application/vnd.jupyter.widget-view+json": {}})]), "widget-view+json, which GitHub"),
        (code(outputs=[shown({"text/html": "<SCRIPT>1</SCRIPT>"})]), "needs JavaScript"),
        (code(outputs=[shown({"text/html": "<img onerror=alert(1)>"})]), "needs JavaScript"),
        (code(outputs=[shown({"image/png": picture(4000, 300)})]), "a figure of 4000 × 300 pixels"),
        (code(outputs=[shown({"image/png": picture(30, 30, "GIF")})]), "image/png that is GIF"),
        (code(outputs=[shown({"image/png": "aGk="})]), "image/png that cannot be read"),
        (code(outputs=[shown({"image/png": picture(9, 9)}, alt="")]), "a figure without alternative text"),
        (code(outputs=[shown({"image/jpeg": picture(300, 300, "JPEG")[:200]})]), "image/jpeg that cannot be read"),
        (code(outputs=[stream("saved at 12:30:11")]), "time stamp '12:30:11'"),
        (code(outputs=[stream("am 05.01.2026 12:30")]), "time stamp"),
        (code(outputs=[stream(f"see file://{HOME}")]), "absolute path"),
    ],
)
def test_each_fault_is_named_with_its_cell(tmp_path, cell, reason):
    found = complaints(tmp_path, make_notebook(v4.new_markdown_cell("# Title"), cell))
    assert len(found) == 1
    assert found[0].startswith("week.ipynb, cell 2: ")
    assert reason in found[0]


def test_long_sources_in_markdown_are_welcome(tmp_path):
    output = shown({"text/markdown": "```python\n" + "x\n" * 200 + "```", "text/plain": "<Markdown>"})
    assert complaints(tmp_path, make_notebook(code(outputs=[output]))) == []


def test_widget_state_and_size_concern_the_file(tmp_path):
    notebook = make_notebook(v4.new_markdown_cell("x" * gate.MAX_BYTES))
    notebook.metadata["widgets"] = {"state": {}}
    found = complaints(tmp_path, notebook)
    assert any("widget state" in line for line in found)
    assert any("at most 1,500,000" in line for line in found)


@pytest.mark.parametrize("text", ["", "{", "<html>", '{"cells": 3}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path, text):
    path = tmp_path / "week.ipynb"
    path.write_text(text)
    assert any("week.ipynb" in line for line in gate.check_notebook(path))


def test_a_missing_notebook_is_named(tmp_path):
    assert gate.check_notebook(tmp_path / "week.ipynb") == ["week.ipynb: missing"]
