"""Reports in the terminal."""

import textwrap

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from stagecraft.console import console
from stagecraft.inspection import sections
from stagecraft.inspection.report import Report

# Rows of a long table, and columns of a long text: the page and the JSON have all of them.
ROWS = 25
COLUMNS = 100


def show(reports: list[Report]) -> None:
    """Print the report of an image, or several side by side."""
    if len(reports) > 1:
        _show(sections.comparison(reports))
        return
    (report,) = reports
    console.print(f"[bold]{escape(report.image)}[/]  {report.platform}  made {report.created}")
    console.print(report.id)
    console.print(f"{decimal(report.size)} in {len(report.layers)} layers, {decimal(report.files)} as a file system")
    for section in sections.of(report):
        _show(section)


def _show(section: sections.Section) -> None:
    console.print(f"\n[bold]{escape(section.title[0].upper() + section.title[1:])}[/]")
    if section.note:
        console.print(escape(section.note))
    if section.rows:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for head in section.heads:
            table.add_column(escape(head), overflow="fold")
        for row in section.rows[:ROWS]:
            table.add_row(*map(_cell, row))
        # a terminal's width holds: what is longer goes on in its own column
        console.print(table, soft_wrap=False)
    if len(section.rows) > ROWS:
        console.print(f"and {len(section.rows) - ROWS} more")


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"{decimal(value):>9}"
    return escape(textwrap.shorten(value, COLUMNS, placeholder=" …"))
