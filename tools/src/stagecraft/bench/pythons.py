"""One commit on every Python that is supported."""

import json
from typing import Any

from rich.progress import track

from stagecraft import python_image
from stagecraft.bench import images
from stagecraft.bench.builds import start
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.shell import quiet

ROUNDS = 3


def measure() -> dict[str, dict[str, Any]]:
    """Build echo on each; give its version, megabytes, those above the Python image, packages, and starts."""
    return {version: _measure(version) for version in track([*python_image.RELEASES], "Pythons", console=errors)}


def _measure(version: str) -> dict[str, Any]:
    tag = f"stagecraft/bench:python-{version}"
    quiet("docker", "build", "--tag", tag, "--build-arg", f"PYTHON_VERSION={version}", ".")
    names = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    found = {
        "version": quiet("docker", "run", "--rm", tag, "python", "--version").removeprefix("Python "),
        "python_mb": round(images.size(python_image.name(version)), 1),
        "mb": round(images.size(tag), 1),
        "distributions": len(json.loads(quiet("docker", "run", "--rm", tag, "python", "-c", names))),
        "start": [round(start([tag]), 2) for _ in range(ROUNDS)],
    }
    quiet("docker", "rmi", tag)
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """Give the table."""
    heads = ("`PYTHON_VERSION`", "Python", "its image, MB", "echo's, MB", "distributions", "to the first 200, s")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---:|---:|"]
    for version in python_image.RELEASES:
        one = found[version]
        seconds = spread(one["start"], 2)
        cells = (version, one["version"], one["python_mb"], one["mb"], one["distributions"], seconds)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
