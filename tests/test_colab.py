"""The set-up cell: on Colab it brings the week and its packages under what is preinstalled; elsewhere nothing."""

import os
import shutil
import subprocess
import sys
import textwrap
import venv

import pytest

from coursework import colab
from coursework.testing import tracked_files
from coursework.weeks import ROOT, find_week

WEEK = find_week("1W")


def git(*command, cwd):
    subprocess.run(["git", *command], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A local git remote that holds the tracked files as they are in the working tree."""
    folder = tmp_path_factory.mktemp("remote") / "repository"
    folder.mkdir()
    for path in tracked_files():
        if (ROOT / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
    (folder / "2W_other_week").mkdir()
    (folder / "2W_other_week" / "large.bin").write_bytes(b"0" * 1000)
    git("init", "-q", "-b", "main", cwd=folder)
    git("config", "uploadpack.allowFilter", "true", cwd=folder)
    git("add", "-A", cwd=folder)
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "all", cwd=folder)
    return folder


@pytest.fixture
def python(tmp_path):
    """An environment that sees every package installed here except this project's own."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    target = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    for name in os.listdir(here):
        if not name.startswith(("coursework", "__editable__", "_virtualenv", "distutils-precedence")):
            os.symlink(os.path.join(here, name), os.path.join(target, name))
    return python


def run_cell(python, folder, remote, cell=None, colab_there=True, after=""):
    """Execute the set-up cell as Colab would, in `folder`, with the local remote in place of the public one."""
    cell = (cell or colab.setup_cell(WEEK)).replace(colab.public_address().clone_url, f"file://{remote}")
    fake = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('colab')\n" if colab_there else ""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSEWORK", "PIP"))}
    env |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    code = f"{fake}{cell}\n{textwrap.dedent(after)}"
    return subprocess.run([python, "-c", code], cwd=folder, env=env, capture_output=True, text=True)


def test_on_colab_the_weeks_imports_work(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    after = """
        import os
        from coursework.profile import load_config
        from knn.config import CONFIGS
        from knn.data import load_covertype
        config = load_config("1W", CONFIGS)
        print(config.rows, len(load_covertype(config).labels), os.path.basename(os.getcwd()))
    """
    done = run_cell(python, folder, remote, after=after)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "10000", "1W_ML_knn"]
    assert "coursework" in {path.name for path in (folder / "course").iterdir()}
    assert not (folder / "course" / "2W_other_week").exists()
    assert "numpy==" in (folder / "course" / "preinstalled.txt").read_text()


def test_running_the_cell_again_is_fine(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    cell = colab.setup_cell(WEEK)
    done = run_cell(python, folder, remote, cell=f"{cell}\n{cell}", after="import knn.search; print('fine')")
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_after_a_restart_of_the_session_it_goes_on(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    for _ in range(2):  # two processes that start in the same folder
        done = run_cell(python, folder, remote, after="import knn.search; print('fine')")
        assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_a_shadowed_copy_of_a_package_does_not_confuse_the_pins(python, tmp_path, remote):
    shadowed = tmp_path / "older" / "numpy-1.0.dist-info"
    shadowed.mkdir(parents=True)
    (shadowed / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")
    (packages,) = python.parents[1].glob("lib/*/site-packages")
    (packages / "older.pth").write_text(f"{shadowed.parent}\n")  # comes last on the path
    folder = tmp_path / "content"
    folder.mkdir()
    done = run_cell(python, folder, remote)
    assert done.returncode == 0, done.stderr
    pins = (folder / "course" / "preinstalled.txt").read_text()
    assert pins.count("\nnumpy==") == 1
    assert "numpy==1.0\n" not in pins


def test_what_cannot_be_met_is_named(python, tmp_path, remote):
    broken = tmp_path / "broken"
    shutil.copytree(remote, broken)
    project = broken / "pyproject.toml"
    project.write_text(project.read_text().replace('"faiss-cpu>=1.9"', '"faiss-cpu>=99"'))
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "ask too much", cwd=broken)
    folder = tmp_path / "content"
    folder.mkdir()
    done = run_cell(python, folder, broken)
    assert done.returncode == 1
    assert "Set-up failed." in done.stderr
    assert "faiss-cpu>=99" in done.stderr.partition("Set-up failed.")[2]


def test_a_branch_that_is_not_there_is_named(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    done = run_cell(python, folder, remote, cell=colab.setup_cell(WEEK).replace('"main"', '"absent"'))
    assert done.returncode == 1
    assert "Remote branch absent not found" in done.stderr


def test_outside_colab_it_does_nothing(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    done = run_cell(python, folder, remote, colab_there=False, after="import os; print(sorted(os.listdir()))")
    assert (done.returncode, done.stdout) == (0, "[]\n")


def test_the_cell_runs_no_shell(python, tmp_path, remote):
    folder = tmp_path / "content"
    folder.mkdir()
    cell = colab.setup_cell(WEEK).replace('"main"', '"main; touch made; true"')
    done = run_cell(python, folder, remote, cell=cell)
    assert done.returncode == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["ann/fork@main", "a-1/b.c_d@feature/x-1.2", "9/_x@v1"])
def test_ordinary_addresses_are_read(monkeypatch, text):
    monkeypatch.setenv("COURSEWORK_ADDRESS", text)
    address = colab.public_address()
    assert f"{address.repository}@{address.branch}" == text


def test_badge_and_cell_follow_the_address(monkeypatch):
    monkeypatch.setenv("COURSEWORK_ADDRESS", "ann/fork@trial")
    assert (
        'URL, BRANCH = "https://github.com/ann/fork.git", "trial"\nWEEK, EXTRA = "1W_ML_knn", "w1"'
        in colab.setup_cell(WEEK)
    )
    assert colab.badge("a/b.ipynb").endswith("(https://colab.research.google.com/github/ann/fork/blob/trial/a/b.ipynb)")


CRAFTED = [
    "ann/fork@main; touch made", "ann/fork@$(touch made)", "ann/fork@main\n", 'ann/fork"@main', "ann/fork@--exec=x",
    "ann/../fork@main", "ann/fork@../main", "ann/fo rk@main", "-c/fork@main", "ann/fork@main)](x", "ann/fork@ветка",
]  # fmt: skip


@pytest.mark.fault("COURSEWORK_ADDRESS with a shell command or a quote in it", "an error that says how to write it")
@pytest.mark.parametrize("text", ["", "ann", "ann/fork", "ann/fork@", "/fork@main", "a/b/c@main", *CRAFTED])
def test_an_unreadable_address_is_named(monkeypatch, text):
    monkeypatch.setenv("COURSEWORK_ADDRESS", text)
    with pytest.raises(ValueError, match="write owner/name@branch"):
        colab.public_address()
