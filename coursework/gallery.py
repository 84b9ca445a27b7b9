"""The gallery: executed notebooks as HTML with a page of cards over them, all of which opens from disk."""

import html
import os
import re
from pathlib import Path

import latex2mathml.converter
from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from coursework.colab import public_address
from coursework.notebooks import HIDDEN, failing_cell, read_notebook
from coursework.profile import PROFILES
from coursework.readme import short_headline
from coursework.records import build_root, read_leftover, write_text
from coursework.weeks import Week, all_weeks

REMOTE_SCRIPT = re.compile(r'<script[^>]*\bsrc="https?:[^>]*>\s*</script>')
REMOTE_PICTURE = re.compile(r'<img\b[^>]*\balt="([^"]*)"[^>]*\bsrc="https?:[^>]*>')
BODY = re.compile(r"<body\b[^>]*>")
RELATIVE_LINK = re.compile(r'\bhref="(?![a-z]+:|#)([^"]+)"')
# The theme leaves code in Markdown outputs in a proportional font, and shows collapsed code.
EXTRA_STYLE = f"""<style>.jp-RenderedMarkdown pre {{ font: 13px/1.4 monospace; overflow-x: auto }}
.celltag_{HIDDEN} .jp-Cell-inputWrapper {{ display: none }}</style>"""
TINY_NOTE = """<p style="background:#fff3cd; color:#333; font:15px/1.5 system-ui,sans-serif; margin:0; padding:.7rem">
This is a run at <code>tiny</code>: small data and short trainings. The text describes the results at
<code>sample</code>, which <a href="{address}">the notebook on GitHub</a> shows.</p>"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coursework gallery</title>
<style>
  :root {{ color-scheme: light dark; --line: #8884; --quiet: #777; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 2rem; }}
  main {{ display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); }}
  a {{ border: 1px solid var(--line); border-radius: 10px; color: inherit; overflow: hidden; text-decoration: none; }}
  a:hover, a:focus {{ border-color: #0072b2; }}
  img, .blank {{ aspect-ratio: 16 / 9; background: white; display: block; object-fit: contain; width: 100%; }}
  .text {{ padding: 0.8rem 1rem 1rem; }}
  h2 {{ font-size: 1.05rem; margin: 0; }}
  p {{ color: var(--quiet); margin: 0.3rem 0 0; }}
  .failed p {{ color: #d55e00; }}
</style>
<h1>Coursework gallery</h1>
<main>
{cards}
</main>
</html>
"""
CARD = """<a class="{state}" href="{link}">{picture}
<div class="text"><h2>{title}</h2><p>{task}</p><p>{note}</p></div></a>"""


class MathRenderer(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, which browsers draw without any script."""

    def block_math(self, body: str) -> str:
        return latex2mathml.converter.convert(body, display="block")

    def inline_math(self, body: str) -> str:
        return latex2mathml.converter.convert(body)


class OfflineExporter(HTMLExporter):
    """nbconvert's HTML, in one file that asks for nothing from the network."""

    template_name = "lab"
    embed_images = True

    @pass_context
    def markdown2html(self, context, source):
        attachments = context.get("cell", {}).get("attachments", {})
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        renderer = MathRenderer(
            escape=False, attachments=attachments, embed_images=True, path=path, exclude_anchor_links=True
        )
        return MarkdownWithMath(renderer=renderer).render(source)


def export_html(path: Path, home: Path, profile: str) -> Path:
    """Export an executed notebook to one HTML file beside it; returns its path.

    `home` is the week's folder, where the notebook's relative links start. At `tiny` a line on top says so.
    """
    page, _ = OfflineExporter().from_filename(str(path))
    page = REMOTE_SCRIPT.sub("", page).replace("</head>", f"{EXTRA_STYLE}</head>", 1)
    page = REMOTE_PICTURE.sub(lambda match: match[1], page)
    if profile == "tiny":
        note = TINY_NOTE.format(address=public_address().page_url(f"{home.name}/{path.name}"))
        page = BODY.sub(lambda match: match[0] + note, page, count=1)
    page = RELATIVE_LINK.sub(lambda match: f'href="{relative(home / match[1], path.parent)}"', page)
    write_text(path.with_suffix(".html"), page)
    return path.with_suffix(".html")


def up_to_date_html(path: Path, home: Path, profile: str) -> Path:
    """`export_html`, unless the page is there and younger than the notebook."""
    page = path.with_suffix(".html")
    if page.exists() and page.stat().st_mtime >= path.stat().st_mtime:
        return page
    return export_html(path, home, profile)


def write_gallery() -> Path:
    """Write `index.html` with a card for every executed notebook below `build/`, and its page; returns its path."""
    index = build_root() / "index.html"
    places = [(week, profile, name) for week in all_weeks() for profile in PROFILES for name in week.notebooks]
    cards = [card(*place, index.parent) for place in places if (index.parent / path_of(*place)).exists()]
    write_text(index, PAGE.format(cards="\n".join(cards)))
    return index


def path_of(week: Week, profile: str, name: str) -> Path:
    """Where the runner puts an executed notebook, below `build/`."""
    return Path(week.name) / profile / name


def card(week: Week, profile: str, name: str, base: Path) -> str:
    """The card of one executed notebook: cover, title, task, headline."""
    path = base / path_of(week, profile, name)
    failed = failing_cell(read_notebook(path)) is not None
    cover = path.parent / "cover.png"
    picture = f'<img src="{relative(cover, base)}" alt="">' if cover.exists() else '<div class="blank"></div>'
    note = "failed" if failed else short_headline(week, read_leftover(path.parent / "results.json"))
    return CARD.format(
        state="failed" if failed else "passed",
        link=relative(up_to_date_html(path, week.folder, profile), base),
        picture=picture,
        title=html.escape(f"{week.name} · {name} · {profile}"),
        task=html.escape(week.text["en"]["task"]),
        note=html.escape(note),
    )


def relative(path: Path, base: Path) -> str:
    """A link from the folder `base` to `path`, with forward slashes."""
    return Path(os.path.relpath(path, base)).as_posix()
