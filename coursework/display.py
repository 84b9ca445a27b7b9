"""What notebooks show besides figures: the source of the code that they teach, as highlighted text."""

import inspect
import re

from IPython.display import Markdown


def show_source(*things, docstring: bool = True) -> Markdown:
    """The source of functions, classes or modules as one Markdown block, which Jupyter, Colab and GitHub highlight.

    `docstring=False` leaves out the docstrings' text below the first line.
    """
    blocks = [inspect.getsource(thing).rstrip() for thing in things]
    if not docstring:
        blocks = [shorten_docstrings(block) for block in blocks]
    return Markdown("```python\n" + "\n\n\n".join(blocks) + "\n```")


def shorten_docstrings(code: str) -> str:
    """Cut every docstring of `code` down to its first line."""
    docstring = r'(:\n +"""[^"\n]+)\n(?:(?!""").)*?"""'
    return re.sub(docstring, lambda match: match[1].rstrip() + '"""', code, flags=re.DOTALL)
