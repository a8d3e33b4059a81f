"""The report as Markdown, and as one page that needs nothing else: the same words, tables and charts."""

import base64
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from stagecraft import page
from stagecraft.bench import charts
from stagecraft.project import ROOT

FOLDER = ROOT / "docs" / "report"
TITLE = "What was measured"
INTRODUCTION = """\
`make bench` measures what the documents claim, `make bench PARTS="images builds"` parts of it, into
[bench.json](bench.json). All else here is written and drawn from that by `make format`: this text, its charts, and
[one page](index.html) that holds them all, to be kept or sent. Seconds are medians, with the range of all rounds in
brackets; each table says when, on which machine and with which versions it was measured."""
PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="{name}-dark.svg">
  <img alt="{gist}" src="{name}-light.svg">
</picture>"""


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    title: str
    lead: str
    """What is measured, in a sentence."""
    documents: list[Path]
    """Those that say what the figures are for."""
    charts: list[charts.Chart]
    table: str
    """In Markdown, with where the figures are from."""


def written(sections: list[Section]) -> dict[Path, str]:
    """Give the report's files, bench.json apart, and what each must hold.

    Raises:
        Problem: What draws the charts is not to be had.
    """
    pictures = charts.pictures(chart for section in sections for chart in section.charts)
    markdown = _markdown(sections)
    names = {"README.md": markdown, "index.html": _html(markdown, pictures), **pictures}
    return {FOLDER / name: text for name, text in names.items()}


def _markdown(sections: list[Section]) -> str:
    lines = [f"- [{section.title}](#{_anchor(section.title)}): {section.lead}" for section in sections]
    parts = [f"# {TITLE}", INTRODUCTION.replace("\n", " "), "\n".join(lines)]
    for section in sections:
        parts += [f"## {section.title}", " ".join([section.lead, *_see(section)])]
        parts += [PICTURE.format(name=chart.name, gist=escape(chart.gist)) for chart in section.charts]
        parts.append(section.table)
    return "\n\n".join(parts) + "\n"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _see(section: Section) -> list[str]:
    links = [
        f"[{path.read_text().splitlines()[0].removeprefix('# ')}]({os.path.relpath(path, FOLDER)})"
        for path in section.documents
    ]
    return [f"What for: {', '.join(links)}."] if links else []


def _html(markdown: str, pictures: dict[str, str]) -> str:
    """Make the page of the Markdown: with its pictures in it, and tables that a narrow screen can move."""
    renderer = MarkdownIt("commonmark").enable("table")
    tokens: list[Token] = []
    title = TITLE
    for token in renderer.parse(markdown):
        if token.type == "inline" and tokens[-1].type == "heading_open":
            title = token.content
            tokens[-1].attrSet("id", _anchor(title))
        if token.type == "th_open":
            token.attrSet("scope", "col")
        around = {
            "table_open": [_block(f'<div role="region" aria-label="{escape(title)}" tabindex="0">'), token],
            "table_close": [token, _block("</div>")],
        }
        tokens += around.get(token.type, [token])
    body = renderer.renderer.render(tokens, renderer.options, {})
    for name, svg in pictures.items():
        data = base64.b64encode(svg.encode()).decode()
        body = body.replace(f'"{name}"', f'"data:image/svg+xml;base64,{data}"')
    return page.render("bench/page.html.jinja", title=TITLE, body=body)


def _block(html: str) -> Token:
    return Token("html_block", "", 0, content=f"{html}\n")
