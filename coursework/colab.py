"""What a notebook needs to run on Colab: the public address, the badge, and the set-up cell."""

import os
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from coursework.weeks import Week

ADDRESS = "sastafeva/DLS_ML_DL_CV@main"
# What stands here becomes part of a cell, a link and a command: no quote, space or option may be in it.
WRITTEN = re.compile(r"([a-zA-Z0-9][\w-]*/[a-zA-Z0-9_][\w.-]*)@([a-zA-Z0-9_][\w./-]*)", re.ASCII)
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")

# The set-up cell below its two lines of names, word for word the same in all weeks.
SETUP = r"""if "google.colab" in sys.modules:  # nothing below runs anywhere else
    import importlib
    import os
    import subprocess

    def shell(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = f"{done.stdout}\n{done.stderr}".splitlines()
            reasons = [s for s in lines if any(w in s for w in ("ERROR", "fatal", "depends on", "requested"))]
            raise RuntimeError("Set-up failed. " + "; ".join(reasons or lines[-3:]))
        return done.stdout

    if os.path.basename(os.getcwd()) != WEEK:  # not when the cell is run again
        if not os.path.isdir("course"):  # nor after a restart of the session
            shell("rm", "-rf", "part")  # what a clone that was killed has left
            shell("git", "clone", "--depth=1", "--filter=blob:none", "--sparse", "-b", BRANCH, URL, "part")
            os.rename("part", "course")
        shell("git", "-C", "course", "sparse-checkout", "add", "coursework", WEEK)
        os.chdir(f"course/{WEEK}")
    pip = [sys.executable, "-m", "pip"]
    with open("../preinstalled.txt", "w") as frozen:  # what Colab ships stays as it is
        frozen.write(shell(*pip, "list", "--format=freeze", "--exclude=coursework"))
    shell(*pip, "install", "--no-build-isolation", "-c", "../preinstalled.txt", "-e", f"..[{EXTRA}]")
    sys.path[:0] = [os.path.abspath(".."), os.getcwd()]
    sys.modules.setdefault("imp", importlib)  # Colab's IPython wants it for %autoreload"""


@dataclass(frozen=True)
class Address:
    """The repository's public address: owner/name and branch."""

    repository: str
    branch: str

    @property
    def clone_url(self) -> str:
        return f"https://github.com/{self.repository}.git"

    def page_url(self, path: str) -> str:
        """Where GitHub shows the file at `path`."""
        return f"https://github.com/{self.repository}/blob/{self.branch}/{path}"

    def colab_url(self, path: str) -> str:
        """Where Colab opens the notebook at `path`."""
        return f"https://colab.research.google.com/github/{self.repository}/blob/{self.branch}/{path}"


def public_address() -> Address:
    """The constant ADDRESS, or COURSEWORK_ADDRESS="owner/name@branch". Raises ValueError for another form."""
    text = os.environ.get("COURSEWORK_ADDRESS", ADDRESS)
    parts = WRITTEN.fullmatch(text)
    if not parts or ".." in text:
        raise ValueError(f"COURSEWORK_ADDRESS is {text!r}; write owner/name@branch, of letters, digits and . _ - /")
    return Address(*parts.groups())


def badge(path: str) -> str:
    """The "Open in Colab" badge, in Markdown, for the notebook at `path`."""
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})]({public_address().colab_url(path)})"


def setup_cell(week: Week) -> str:
    """The source of the set-up cell, the same in all weeks but for its lines of names."""
    address = public_address()
    where = f'URL, BRANCH = "{address.clone_url}", "{address.branch}"'
    which = f'WEEK, EXTRA = "{week.folder.name}", "{week.extra}"'
    return f"import sys\n\n{where}\n{which}\n{SETUP}"


def refresh_address(notebook: NotebookNode, week: Week, name: str) -> None:
    """Bring the set-up cell (tagged "setup") and the badge of a notebook to the public address, in place."""
    for cell in notebook.cells:
        if "setup" in cell.metadata.get("tags", []):
            cell.source = setup_cell(week)
    first = notebook.cells[0]
    first.source = BADGE.sub(lambda _: badge(f"{week.folder.name}/{name}"), first.source, count=1)
