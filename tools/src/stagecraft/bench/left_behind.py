"""What a service's builder has and its production image lacks."""

import re
from collections.abc import Mapping
from typing import Any

from rich.progress import track

from stagecraft.console import errors
from stagecraft.inspection import archive
from stagecraft.shell import quiet

# The first pattern that a path has says what it is.
KINDS = {
    "uv, the installer": r"^usr/local/bin/uvx?$",
    "pip, and what would bring it back": r"(^|/)pip([\d.]*$|[/-])",
    "the sources, as they are edited": r"^src/",
    "what it adds, as production copies it": r"^added/",
}
OTHER = "anything else"


def measure() -> dict[str, Any]:
    """Build both stages of echo; give by kind how many files only builder has, and their megabytes."""
    builder, production = (_entries(stage) for stage in track(["builder", "production"], "left behind", console=errors))
    left: dict[str, Any] = {kind: {"files": 0, "mb": 0.0} for kind in (*KINDS, OTHER)}
    for path, entry in builder.items():
        if path not in production:
            kind = next((kind for kind, pattern in KINDS.items() if re.search(pattern, path)), OTHER)
            left[kind]["files"] += 1
            left[kind]["mb"] += entry.size / 1e6
    return left


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    lines = ["| what only builder has | files | MB |", "|---|---:|---:|"]
    return "\n".join(
        [*lines, *(f"| {kind} | {found[kind]['files']} | {found[kind]['mb']:.1f} |" for kind in (*KINDS, OTHER))]
    )


def _entries(stage: str) -> Mapping[str, archive.Entry]:
    """Give the files of echo's stage by path."""
    tag = f"stagecraft/bench:{stage}"
    quiet("docker", "build", "--target", stage, "--tag", tag, ".")
    entries = archive.of(tag).entries
    quiet("docker", "rmi", tag)
    return {path: entry for path, entry in entries.items() if entry.type == "file"}
