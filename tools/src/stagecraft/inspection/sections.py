"""A report as sections of rows, which the terminal and the page show alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.filesize import decimal

from stagecraft.inspection.report import Package, Report


@dataclass(frozen=True)
class Section:
    """A table with a title."""

    title: str
    note: str
    """A line above the table, or instead of it."""
    heads: tuple[str, ...]
    rows: list[tuple[str | int, ...]]
    """Cells; a number is bytes."""


def of(report: Report) -> Iterator[Section]:
    """Give all sections of a report."""
    yield Section("Layers", "", ("size", "instruction"), [(layer.size, layer.instruction) for layer in report.layers])
    hidden = [(item.size, f"/{item.path}", f"by layer {item.layer}") for item in report.hidden]
    note = decimal(sum(item.size for item in report.hidden))
    yield Section("Hidden by a later layer, and shipped all the same", note, ("size", "path", "hidden"), [*hidden])
    yield Section("Kinds of file", "", ("size", "kind"), [(size, kind) for kind, size in report.kinds.items()])
    yield _packages("Python distributions", report.python, "")
    yield _packages("Debian packages", report.debian, f"; {decimal(report.unpackaged)} are in files of no package")
    settings = [
        ("" if index else name, value)
        for name, values in report.settings.items()
        for index, value in enumerate(values or ["none"])
    ]
    yield Section("Settings", "", ("setting", "value"), [*settings])
    for what, found in report.found.items():
        rows = [(item.path, item.why, f"layer {item.layer}") for item in found]
        yield Section(what, str(len(rows) or "none"), ("path", "why", "from"), [*rows])
    for scan in report.scans:
        findings = [(finding.level, finding.what, finding.text) for finding in scan.findings]
        note = scan.summary if scan.done else f"not known: {scan.summary}"
        yield Section(f"{scan.subject}, by {scan.scanner}", note, ("weight", "what", "detail"), [*findings])


def _packages(title: str, packages: list[Package], rest: str) -> Section:
    rows = [(package.size, package.name, package.version) for package in packages]
    note = f"{len(packages)}, {decimal(sum(package.size for package in packages))}{rest}"
    return Section(title, note, ("size", "name", "version"), [*rows])


def comparison(reports: list[Report]) -> Section:
    """Give reports side by side: a column each, a row for whatever can be counted."""
    measured = [_measures(report) for report in reports]
    names = dict.fromkeys(name for values in measured for name in values)
    rows = [(name, *(values.get(name, "none") for values in measured)) for name in names]
    return Section("Side by side", "", ("what", *(report.image for report in reports)), [*rows])


def _measures(report: Report) -> dict[str, str | int]:
    return {
        "layers": str(len(report.layers)),
        "image": report.size,
        "file system": report.files,
        **report.kinds,
        "Python distributions": str(len(report.python)),
        "Debian packages": str(len(report.debian)),
        "user": report.settings["user"][0],
        **{what: str(len(found) or "none") for what, found in report.found.items()},
        **{scan.subject: scan.summary if scan.done else "not known" for scan in report.scans},
    }
