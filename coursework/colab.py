"""What a notebook needs to be opened on Colab: the public address, the badge, and the set-up cell."""

import os
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from coursework.weeks import Week

ADDRESS = "sastafeva/DLS_ML_DL_CV@main"
# What stands here becomes part of a cell, a link and a command: no quote, space or option may be in it.
WRITTEN = re.compile(r"([a-zA-Z0-9][\w-]*/[a-zA-Z0-9_][\w.-]*)@([a-zA-Z0-9_][\w./-]*)", re.ASCII)
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")

# The set-up cell below its lines of names, word for word the same in all weeks.
SETUP = r"""if "google.colab" in sys.modules and os.path.basename(os.getcwd()) != WEEK:  # on Colab, once
    if not os.path.isfile("course/pyproject.toml"):
        clone = f"git clone -q --depth=1 --filter=blob:none --sparse -b {BRANCH} {URL} course"
        subprocess.run(clone.split(), check=True)
    subprocess.run(["git", "-C", "course", "sparse-checkout", "add", "coursework", WEEK], check=True)
    sys.path.insert(0, "course")
    from coursework.on_colab import set_up

    set_up(WEEK, EXTRA)"""


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
    return f"import os\nimport subprocess\nimport sys\n\n{where}\n{which}\n{SETUP}"


def refresh_address(notebook: NotebookNode, week: Week, name: str) -> None:
    """Bring the set-up cell (tagged "setup") and the badge of a notebook to the public address, in place."""
    for cell in notebook.cells:
        if "setup" in cell.metadata.get("tags", []):
            cell.source = setup_cell(week)
    first = notebook.cells[0]
    first.source = BADGE.sub(lambda _: badge(f"{week.folder.name}/{name}"), first.source, count=1)
