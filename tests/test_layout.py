"""The house rules: who imports whom, sizes, what a notebook's source may hold, and that every link leads somewhere."""

import ast
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from coursework import colab, gate, notebooks, readme
from coursework.tags import holds_source
from coursework.testing import tracked_files
from coursework.weeks import ROOT, all_weeks, select_weeks

WEEKS = all_weeks()
PACKAGES = {week.package for week in WEEKS}
NOTEBOOKS = [(week, name) for week in WEEKS for name in week.notebooks]
TRACKED = tracked_files()
MODULES = [ROOT / path for path in TRACKED if path.endswith(".py") and not path.startswith("tests/")]
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports_of(path):
    """The top-level packages that a module imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_in_one_direction(path):
    folder = path.relative_to(ROOT).parts[0]
    own = {week.package for week in WEEKS if week.folder.name == folder}
    foreign = imports_of(path) & (PACKAGES - own)
    if folder == "benchmarks":
        assert len(foreign) <= 1
    else:
        assert not foreign, "a week imports coursework and itself, and coursework imports no week"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{node.name} is too long to read"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_things_have_docstrings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    if path.name == "sitecustomize.py":  # its functions stand in for those of the standard library
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize(("week", "name"), NOTEBOOKS)
def test_committed_notebooks_pass_the_gate(week, name):
    assert gate.check_notebook(week.folder / name) == []


@pytest.mark.parametrize(("week", "name"), NOTEBOOKS)
def test_notebooks_keep_their_anatomy(week, name):
    cells = notebooks.read_notebook(week.folder / name).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {week.name} ")
    assert colab.badge(f"{week.folder.name}/{name}") in cells[0].source
    assert [cell.source for cell in code if "setup" in cell.metadata.get("tags", [])] == [colab.setup_cell(week)]
    assert "setup" in code[0].metadata["tags"]
    own = [cell for cell in code if not holds_source(cell)]
    assert all(len(cell.source.splitlines()) <= 30 for cell in own)
    assert max(len(line) for cell in own for line in cell.source.splitlines()) <= 110, "would scroll on GitHub"
    assert not any(cell.source.rstrip().endswith(";") for cell in code)
    assert sum(cell.source.startswith("# NBVAL_CHECK_OUTPUT") for cell in code) >= 3
    for cell in code:
        if any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in cell.outputs):
            assert cell.source.rstrip().endswith("plt.show()")


@pytest.mark.parametrize(("week", "name"), NOTEBOOKS)
def test_all_data_are_loaded_in_one_cell(week, name):
    """So that a missing data set is named at once, rather than after hours of training."""
    cells = [cell.source for cell in notebooks.read_notebook(week.folder / name).cells if cell.cell_type == "code"]
    loading = [source for source in cells if re.search(r"\b(load_\w+|from_drawings)\(config\b", source)]
    assert len(loading) == 1
    assert cells.index(loading[0]) <= 3, "after the set-up and the imports"


@pytest.mark.parametrize("week", WEEKS, ids=lambda week: week.name)
def test_every_week_has_its_parts(week):
    data = {"8W": "faces.py"}.get(week.name, "data.py")  # 8W has two data sets: faces.py and mnist.py
    for name in ("README.md", "results.json", "cover.png", f"{week.package}/config.py", f"{week.package}/{data}"):
        assert (week.folder / name).is_file(), name
    assert set(week.text) == {"en", "ru"}


def test_readme_tables_equal_the_records():
    for path, text in readme.updated_readmes().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: python -m coursework tables"


@pytest.mark.parametrize("path", [ROOT / path for path in TRACKED if path.endswith(".md")], ids=name_of)
def test_links_of_pages_lead_to_tracked_files(path):
    for link in links(path.read_text(encoding="utf-8")):
        assert_leads_somewhere(link, path)


@pytest.mark.parametrize(("week", "name"), NOTEBOOKS)
def test_links_of_notebooks_lead_to_tracked_files(week, name):
    for cell in notebooks.read_notebook(week.folder / name).cells:
        if cell.cell_type == "markdown":
            for link in links(cell.source):
                assert_leads_somewhere(link, week.folder / name)


def links(text):
    return [unquote(a or b) for a, b in LINK.findall(text)]


def assert_leads_somewhere(link, page: Path):
    """A relative link must name a tracked file or folder; so must a link to this repository's public address."""
    address = colab.public_address()
    for prefix in (f"https://github.com/{address.repository}/", address.colab_url("").removesuffix("blob/main/")):
        if link.startswith(prefix):
            link, page = link.removeprefix(prefix).split(f"{address.branch}/", 1)[1], ROOT / "README.md"
    if urlparse(link).scheme in ("http", "https") or link.startswith("#"):
        return
    target = (page.parent / link.partition("#")[0]).resolve().relative_to(ROOT).as_posix()
    assert any(path == target or path.startswith(f"{target}/") for path in TRACKED), f"{page.name}: {link}"


def test_requirements_are_the_union_of_the_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name != "browser"}
    declared = set(project["dependencies"]).union(*extras.values())
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(declared) == sorted(line for line in lines if line and not line.startswith("#"))


def test_every_requirement_is_pinned():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(pin.partition("==")[0]) for pin in pins if "==" in pin}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert normal(re.split(r"[\[<>=]", line)[0]) in pinned, line
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins if not pin.startswith("#"))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("extra", ["w1", "w2", "w3"])
def test_the_first_weeks_do_not_bring_torch_or_mmdet(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = " ".join(project["dependencies"] + project["optional-dependencies"][extra])
    assert "torch" not in brought
    assert "mmdet" not in brought


def test_files_are_free_of_local_paths_and_tokens():
    for path in TRACKED:
        content = (ROOT / path).read_bytes()
        if b"\0" in content or path.endswith((".ipynb", ".gz", ".png")) or path.startswith(("tests/", ".ci/")):
            continue
        text = content.decode("utf-8").replace("#!/usr/bin/env bash", "")
        if path in ("coursework/gate.py", ".gitignore"):  # hold such patterns themselves
            continue
        assert list(gate.text_complaints(text.replace("/proc/", ""))) == [], path


def test_weeks_are_found_by_number_and_by_folder():
    assert [week.name for week in select_weeks([])] == [week.name for week in WEEKS]
    assert [week.name for week in select_weeks(["1w", "1W_ML_knn/"])] == ["1W"]
    with pytest.raises(ValueError, match="unknown week 4W; there are: 1W"):
        select_weeks(["4W"])
