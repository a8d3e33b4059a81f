"""Run the parts, keep what they found in docs/report/, and write the report, and tables into documents that ask."""

import json
import os
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stagecraft import engine, python_image
from stagecraft.bench import (
    base,
    builds,
    charts,
    compiled,
    contents,
    development,
    frontend,
    images,
    left_behind,
    pages,
    peers,
    pythons,
    reload,
    services,
    start,
    tested,
    transport,
    workers,
)
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, locked_version

RESULT = pages.FOLDER / "bench.json"
# Each has `measure`, `table` for what that gave, and in its first line what it is. In this order: builds are timed
# early, as BuildKit gets slower with all that it has built.
PARTS: Mapping[str, ModuleType] = {
    "images": images,
    "builds": builds,
    "services": services,
    "start": start,
    "base": base,
    "tested": tested,
    "frontend": frontend,
    "contents": contents,
    "left_behind": left_behind,
    "peers": peers,
    "development": development,
    "pythons": pythons,
    "reload": reload,
    "compiled": compiled,
    "workers": workers,
    "transport": transport,
}
MARKED = re.compile(r"<!-- bench: (\w+) -->\n.*?<!-- /bench -->", re.DOTALL)


def run(parts: list[str]) -> None:
    """Measure, and write the result and the tables.

    Args:
        parts: Of PARTS; none for all of them.

    Raises:
        Problem: There is no such part.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise Problem(f"nothing measures {' and '.join(unknown)}", f"There are {', '.join(PARTS)}.", Exit.USAGE)
    python_image.prepare()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for part in parts or PARTS:
        result[part] = {"origin": origin(), "found": PARTS[part].measure()}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
        for path, text in documents().items():
            path.write_text(text)
    console.print(f"wrote {RESULT.relative_to(ROOT)}, what is drawn from it, and the tables of the documents")


def documents() -> dict[Path, str]:
    """Give the files of the report, and each document that asks for a table, as they must be with the last result.

    A table that nothing was measured for yet stays as it is.

    Raises:
        Problem: What draws the charts is not to be had.
    """
    result = json.loads(RESULT.read_text())
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    asking = {path: text for path in paths if MARKED.search(text := path.read_text())}
    sections = [
        pages.Section(
            title=part.replace("_", " ").capitalize(),
            lead=(module.__doc__ or "").partition("\n")[0],
            documents=[path for path, text in asking.items() if f"<!-- bench: {part} -->" in text],
            charts=charts.of(part, result[part]["found"]),
            table=_table(part, result),
        )
        for part, module in PARTS.items()
        if part in result
    ]
    return pages.written(sections) | {
        path: MARKED.sub(lambda mark: _marked(mark, result), text) for path, text in asking.items()
    }


def _marked(mark: re.Match[str], result: dict[str, Any]) -> str:
    part = mark[1]
    return f"<!-- bench: {part} -->\n{_table(part, result)}\n<!-- /bench -->" if part in result else mark[0]


def _table(part: str, result: dict[str, Any]) -> str:
    found = result[part]
    return f"{PARTS[part].table(found['found'])}\n\n{_words(found['origin'])}"


def origin() -> dict[str, Any]:
    """Give the day, the machine and the versions."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "engine": engine.version(),
        "buildx": engine.dotted(engine.versions()["buildx"]),
        "uv": locked_version("uv"),
        "python_image": python_image.name(python_image.selected()),
        "stand_in": python_image.name(python_image.selected()) in python_image.stand_ins(),
    }


def _words(origin: dict[str, Any]) -> str:
    stand_in = " (a stand-in)" if origin["stand_in"] else ""
    return (
        f"`make bench`, {origin['date']}: {origin['cores']} cores, {origin['memory_gb']} GB, {origin['system']},"
        f" Docker Engine {origin['engine']}, buildx {origin['buildx']}, uv {origin['uv']},"
        f" {origin['python_image']}{stand_in}."
    )
