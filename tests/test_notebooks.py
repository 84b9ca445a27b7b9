"""Running notebooks: failures are reported, the rest still runs, committed files stay as they are."""

import os
import re
from dataclasses import replace

import nbformat
import pytest
from nbformat import v4
from trial import COVER, RECORD, no_overrides, record, write

from coursework import commands, display, gallery, notebooks, records


def test_run_writes_below_build_only(week, capsys):
    write(week, record(0.5), COVER, "print('done')")
    before = {path: path.read_bytes() for path in week.folder.iterdir()}
    assert commands.run([week], "tiny", no_overrides) == 0
    assert {path: path.read_bytes() for path in week.folder.iterdir()} == before
    folder = records.build_dir("1W", "tiny")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file()}
    assert files == {"trial.ipynb", "trial.html", "results.json", "cover.png", "figures/cell-03-1.png"}
    assert notebooks.read_notebook(folder / "trial.ipynb").cells[-1].outputs[0].text == "done\n"
    assert "accuracy 0.500" in capsys.readouterr().out
    page = (folder.parents[1] / "index.html").read_text()
    assert 'href="1W/tiny/trial.html"' in page
    assert 'src="1W/tiny/cover.png"' in page
    assert "accuracy 0.500" in page


def test_a_failing_notebook_shows_cell_and_traceback_and_the_rest_runs(week, capsys):
    week = replace(week, notebooks=("bad.ipynb", "trial.ipynb"))
    write(week, "x = 1", "x / 0  # here", name="bad.ipynb")
    write(week, "print('after')")
    assert commands.run([week], "tiny", no_overrides) == 1
    out = capsys.readouterr().out
    assert "bad.ipynb: cell 3 failed:" in out
    assert "x / 0  # here" in out
    assert "ZeroDivisionError: division by zero" in out
    assert "\x1b[" not in out
    executed = notebooks.read_notebook(records.build_dir("1W", "tiny") / "trial.ipynb")
    assert executed.cells[-1].outputs[0].text == "after\n"


def test_a_kernel_that_dies_is_reported(week, capsys):
    write(week, "import os; os._exit(9)")
    assert commands.run([week], "tiny", no_overrides) == 1
    assert "the kernel died" in capsys.readouterr().out


def test_what_was_trained_since_a_run_ended_stays(tmp_path):
    for name in ("keep/old", "weights/old", "results.json", "keep/grid/new"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in ("keep/old", "weights/old"):
        os.utime(tmp_path / name, ns=(10, 10))
    os.utime(tmp_path / "results.json", ns=(20, 20))
    os.utime(tmp_path / "keep/grid/new", ns=(30, 30))
    notebooks.remove_until(tmp_path, 20)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["keep", "keep/grid", "keep/grid/new"]


def test_an_older_record_does_not_linger(week):
    write(week, record(0.5))
    commands.run([week], "tiny", no_overrides)
    write(week, "raise SystemError")
    commands.run([week], "tiny", no_overrides)
    assert not (records.build_dir("1W", "tiny") / "results.json").exists()


def test_a_killed_run_leaves_what_the_next_goes_on_from_and_a_finished_one_nothing(week):
    count = """
from coursework.records import build_dir
path = build_dir("1W") / "steps"
path.write_text((path.read_text() if path.exists() else "") + "x")
print(path.read_text())
"""
    for sources, steps in (((count, "1 / 0"), "x"), ((count, record(0.5)), "xx"), ((count, record(0.5)), "x")):
        write(week, *sources)
        commands.run([week], "tiny", no_overrides)
        executed = notebooks.read_notebook(records.build_dir("1W", "tiny") / "trial.ipynb")
        assert executed.cells[1].outputs[0].text == f"{steps}\n"


BAR = "tqdm(range(3), leave=False, mininterval=0)"


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("from tqdm import tqdm\nfor _ in tqdm(range(3), leave=False): pass", []),
        ("from tqdm import tqdm\nfor _ in tqdm(range(3), leave=False): print('step')", ["stdout"]),
        (f"from tqdm import tqdm\nfor _ in {BAR}:\n    for _ in {BAR}: pass", []),
        (f"import sys\nfrom tqdm import tqdm\nfor _ in {BAR}: tqdm.write('noise', file=sys.stderr)", ["stderr"]),
        ("import sys\nprint('noise', file=sys.stderr)", ["stderr"]),
        ("import sys\nprint('\\rhalf a bar', file=sys.stderr)", ["stderr"]),
        ("import sys\n_ = sys.stderr.write('disk full\\r')", ["stderr"]),
        ("import sys\n_ = sys.stderr.write('warning\\r\\n')", ["stderr"]),
    ],
)
def test_bars_that_wiped_themselves_out_are_not_kept(week, code, kept):
    write(week, code)
    outcome = notebooks.run_notebook(week, "trial.ipynb", "tiny")
    outputs = notebooks.read_notebook(outcome.path).cells[1].outputs
    assert list(dict.fromkeys(output.name for output in outputs)) == kept


def test_what_is_printed_in_a_row_is_one_output_however_slowly(week):
    write(week, "import time\nfor k in range(3):\n    print(k, flush=True)\n    time.sleep(0.3)\ndisplay(k)\nprint(k)")
    outcome = notebooks.run_notebook(week, "trial.ipynb", "tiny")
    outputs = notebooks.read_notebook(outcome.path).cells[1].outputs
    assert [output.get("text") for output in outputs] == ["0\n1\n2\n", None, "2\n"]


@pytest.mark.parametrize("content", [None, b"{", b"\xff\xfe"])
def test_a_notebook_that_cannot_be_read_does_not_stop_the_rest(week, capsys, content):
    week = replace(week, notebooks=("bad.ipynb", "trial.ipynb"))
    if content is not None:
        (week.folder / "bad.ipynb").write_bytes(content)
    write(week, "print('after')")
    assert commands.run([week], "tiny", no_overrides) == 1
    out = capsys.readouterr().out
    assert "bad.ipynb" in out
    assert "restore it from git" in out
    assert (records.build_dir("1W", "tiny") / "trial.ipynb").exists()


def test_relative_folders_mean_the_same_to_runner_and_kernel(week, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEWORK_BUILD", "out")
    write(week, record(0.5))
    assert commands.run([week], "tiny", no_overrides) == 0
    assert (tmp_path / "out" / "1W" / "tiny" / "results.json").exists()
    assert [path.name for path in week.folder.iterdir()] == ["trial.ipynb"]


def test_profile_and_overrides_reach_the_kernel(week):
    write(week, "import os; print(os.environ['COURSEWORK_PROFILE'], os.environ['COURSEWORK_SET'])")
    outcome = notebooks.run_notebook(week, "trial.ipynb", "full", "rows=3")
    assert notebooks.read_notebook(outcome.path).cells[-1].outputs[0].text == "full rows=3\n"


def test_render_brings_notebook_record_and_cover_together(week):
    write(week, record(0.5), COVER)
    assert commands.render([week], "sample", no_overrides) == 0
    assert {path.name for path in week.folder.iterdir()} == {"trial.ipynb", "results.json", "cover.png"}
    rendered = notebooks.read_notebook(week.folder / "trial.ipynb")
    assert [cell.execution_count for cell in rendered.cells if cell.cell_type == "code"] == [1, 2]
    assert all("execution" not in cell.metadata for cell in rendered.cells)
    assert "version" not in rendered.metadata.language_info
    results = records.read_results(week.results)
    assert results["headline"] == "rows"
    assert results["runs"]["rows"]["profile"] == "sample"


TRAINING = """
from pathlib import Path
from coursework.records import keep_dir
(keep_dir("1W") / "site.gif").write_text("an animation, made by every run")
if not Path("run.json").exists():
    (keep_dir("1W") / "run.json").write_text("{}")
"""


def test_render_moves_what_was_trained_and_asks_for_a_second_run(week, capsys):
    write(week, TRAINING, record(0.5), COVER)
    for again in (False, True):
        assert commands.render([week], "sample", no_overrides) == 0
        assert ("render once more" in capsys.readouterr().out) is not again
        assert (week.folder / "run.json").read_text() == "{}"
        assert not list(records.build_dir("1W", "sample").glob("keep/*"))


def test_render_keeps_runs_on_other_sources(week):
    write(week, record(0.5), COVER)
    old = {key: {} for key in records.RUN_KEYS} | {"data": {"name": "old", "source": "", "items": 1}}
    records.write_results(week.results, {"headline": "old", "runs": {"old": old}})
    commands.render([week], "sample", no_overrides)
    results = records.read_results(week.results)
    assert set(results["runs"]) == {"old", "rows"}
    assert results["headline"] == "rows"


@pytest.mark.parametrize(
    ("sources", "name"), [((COVER,), "results.json"), ((RECORD.replace("ACCURACY", "0.5"),), "cover.png")]
)
def test_render_touches_nothing_if_record_or_cover_is_not_written(week, sources, name, capsys):
    write(week, record(0.5), COVER)
    commands.render([week], "sample", no_overrides)
    write(week, *sources)
    before = {path: path.read_bytes() for path in week.folder.iterdir()}
    assert commands.render([week], "sample", no_overrides) == 1
    assert {path: path.read_bytes() for path in week.folder.iterdir()} == before
    assert f"{name} was not written" in capsys.readouterr().out


@pytest.mark.fault("a cell that fails while a week is rendered", "no committed file of the week is changed")
@pytest.mark.parametrize("fault", ["1 / 0", "import sys; print('noise', file=sys.stderr)"])
def test_render_touches_nothing_if_a_cell_fails_or_the_gate_complains(week, fault, capsys):
    write(week, record(0.5), COVER, fault)
    before = {path: path.read_bytes() for path in week.folder.iterdir()}
    assert commands.render([week], "sample", no_overrides) == 1
    assert {path: path.read_bytes() for path in week.folder.iterdir()} == before
    assert "cell 4" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["1 / 0", "import sys; print('noise', file=sys.stderr)"])
def test_what_was_trained_is_still_there_after_a_refused_rendering(week, fault):
    """Hours of training must not be lost because a late cell fails or a figure is too wide."""
    train = "from coursework.records import keep_dir; (keep_dir('1W') / 'run.json').write_text('{}')"
    write(week, train, record(0.5), COVER, fault)
    assert commands.render([week], "sample", no_overrides) == 1
    write(week, record(0.5), COVER)
    assert commands.render([week], "sample", no_overrides) == 0
    assert (week.folder / "run.json").read_text() == "{}"


def test_check_names_file_cell_and_reason(week, capsys):
    write(week, "1")
    assert commands.check([week]) == 1
    assert "1W_trial/trial.ipynb, cell 2: not executed" in capsys.readouterr().out


def test_the_gallery_page_needs_no_network_and_draws_formulas(week):
    write(week, "from IPython.display import Markdown; Markdown('of $x_1$ and\\n\\n$$y^2$$')")
    outcome = notebooks.run_notebook(week, "trial.ipynb", "tiny")
    page = gallery.export_html(outcome.path, week.folder, "tiny").read_text()
    assert page.count("<math") == 2
    assert not re.search(r'<(script|img|link)\b[^>]*(src|href)="https?:', page)


def test_the_gallery_exports_only_what_has_changed_and_survives_a_damaged_record(week):
    write(week, "1")
    outcome = notebooks.run_week(week, "tiny")[0]
    page = outcome.path.with_suffix(".html")
    gallery.write_gallery()
    page.write_text("kept")
    (outcome.path.parent / "results.json").write_text("{")
    gallery.write_gallery()
    assert page.read_text() == "kept"
    os.utime(page, (0, 0))
    gallery.write_gallery()
    assert page.read_text() != "kept"


def test_links_of_an_exported_page_lead_back_to_the_week(week):
    cells = [v4.new_markdown_cell("[![Open in Colab](https://x.org/b.svg)](https://x.org) [week](README.md)")]
    nbformat.write(v4.new_notebook(cells=cells), week.folder / "trial.ipynb")
    outcome = notebooks.run_notebook(week, "trial.ipynb", "tiny")
    page = gallery.export_html(outcome.path, week.folder, "sample").read_text()
    assert 'href="../../../1W_trial/README.md"' in page
    assert "Open in Colab</a>" in page


def test_a_page_at_tiny_says_so_on_top(week):
    write(week, "1")
    outcome = notebooks.run_notebook(week, "trial.ipynb", "tiny")
    note = "https://github.com/sastafeva/DLS_ML_DL_CV/blob/main/1W_trial/trial.ipynb"
    assert gallery.export_html(outcome.path, week.folder, "tiny").read_text().count(note) == 1
    assert note not in gallery.export_html(outcome.path, week.folder, "sample").read_text()


def test_a_run_names_in_the_terminal_what_has_only_begun(week, capsys):
    write(week, f"print('a.npz: code changed; {records.ONLY_BEGUN}'); print('b.npz: so, too; {records.ONLY_BEGUN}')")
    assert commands.run([week], "tiny", no_overrides) == 0
    said = capsys.readouterr().out
    assert f"a.npz: code changed; {records.ONLY_BEGUN} (and 1 more such lines in the notebook)" in said


def test_show_source_is_highlighted_markdown():
    shown = display.show_source(notebooks.read_notebook, gallery.relative, docstring=False).data
    assert shown.startswith("```python\ndef read_notebook(")
    assert '"""Read a notebook. Raises FileNotFoundError or ValueError that names the file."""' in shown
    assert "\n\n\ndef relative(" in shown


def test_docstrings_are_cut_to_their_first_line():
    code = 'def f():\n    """One line.\n\n    More.\n    """\n    return """a\nb"""'
    assert display.shorten_docstrings(code) == 'def f():\n    """One line."""\n    return """a\nb"""'
