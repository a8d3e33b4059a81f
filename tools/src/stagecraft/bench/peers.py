"""Echo as services are commonly built, beside ours: one context, one Python image, the same locked packages."""

import re
import time
from pathlib import Path
from typing import Any

from rich.progress import track

from stagecraft import ca, python_image
from stagecraft.bench.builds import copied, start
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.inspection import archive, report
from stagecraft.project import ROOT
from stagecraft.shell import quiet

ROUNDS = 3
# The Dockerfile of each that is not ours has its name.
PEERS = {
    "pip": "pip, everything copied first",
    "requirements": "pip, requirements first",
    "venv": "pip, an environment copied",
    "uv": "uv, the project copied",
    "production": "**ours, production**",
    "hardened": "**ours, hardened**",
}
OURS = {"production": "debian", "hardened": "hardened"}
BUILDS = ("cold", "no_op", "one_line")
TIMES = (*BUILDS, "start")
# What an image may have that its service runs without, by a path of it.
LEFT = {
    "pip": r"(^|/)bin/pip$",
    "uv": r"(^|/)bin/uv$",
    "a compiler": r"(^|/)bin/(cc|gcc|zig)$",
    "tests": r"^app/services/\w+/tests/",
    "lists of packages": r"^app/(requirements\.txt|uv\.lock)$",
    "sources that were installed": r"^app/services/echo/src/.+\.py$",
    "other services": r"^app/services/(?!echo(/|$))",
    "apt": r"(^|/)bin/apt$",
    "a shell": r"(^|/)bin/sh$",
}


def measure() -> dict[str, dict[str, Any]]:
    """Build echo in each way in turn, in a copy; give of each the seconds of all rounds, and what is in its image."""
    times: dict[str, dict[str, list[float]]] = {peer: {what: [] for what in TIMES} for peer in PEERS}
    facts: dict[str, dict[str, Any]] = {}
    _, python = read(python_image.name(python_image.selected()))
    with copied() as folder:
        prepare(folder)
        source = folder / "services" / "echo" / "src" / "echo" / "app.py"
        text = source.read_text()
        for number in track(range(ROUNDS), "peers", console=errors):
            source.write_text(f"{text}\n# {folder.name} {number}\n")
            for peer in PEERS:
                times[peer]["cold"].append(build(folder, peer, "cold"))
            for peer in PEERS:
                times[peer]["no_op"].append(build(folder, peer, "no_op"))
            source.write_text(f"{text}\n# {folder.name} {number} edited\n")
            for peer in PEERS:
                times[peer]["one_line"].append(build(folder, peer, "one_line"))
            for peer in PEERS:
                times[peer]["start"].append(start([tag(peer, "one_line")]))
            facts = facts or {peer: _facts(tag(peer, "one_line"), python.size) for peer in PEERS}
            quiet("docker", "rmi", *(tag(peer, what) for peer in PEERS for what in BUILDS))
    return {
        peer: {what: [round(value, 2) for value in values] for what, values in times[peer].items()} | facts[peer]
        for peer in PEERS
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Give the tables: what each image is, and how long each takes."""
    lines = ["| echo | MB | MB above the Python image | layers | user | in it |", "|---|---:|---:|---:|---|---|"]
    for peer, words in PEERS.items():
        one = found[peer]
        left = ", ".join(one["left"]) or "nothing of these"
        lines.append(f"| {words} | {one['mb']} | {one['mb_above_python']} | {one['layers']} | {one['user']} | {left} |")
    lines += ["", "| seconds: median (range) | from nothing | the same again | a line of echo | to the first 200 |"]
    lines.append(f"|---|{'---:|' * len(TIMES)}")
    for peer, words in PEERS.items():
        lines.append(f"| {words} | {' | '.join(spread(found[peer][what], 2) for what in TIMES)} |")
    return "\n".join(lines)


def prepare(folder: Path) -> None:
    """Have in a copy what these ways want: what to install as pip reads it, and no tools, which are ours."""
    export = ("uv", "export", "--quiet", "--frozen", "--package", "echo", "--no-default-groups", "--no-emit-workspace")
    (folder / "requirements.txt").write_text(quiet(*export) + "\n")
    ignored = folder / ".dockerignore"
    lines = [line for line in ignored.read_text().splitlines() if not line.startswith("!tools/")]
    ignored.write_text("\n".join([*lines, "!requirements.txt", ""]))


def build(folder: Path, peer: str, what: str) -> float:
    """Give the seconds that a build takes, one of BUILDS, each of which has an image of its own."""
    options = ["--no-cache"] if what == "cold" else []
    if peer in OURS:
        options += ["--file", str(folder / "Dockerfile"), "--build-arg", f"ROOTFS={OURS[peer]}"]
    else:
        options += ["--file", str(ROOT / "docs" / "patterns" / "peers" / f"Dockerfile.{peer}")]
    if bundle := ca.bundle():
        options += ["--secret", f"id=ca,src={bundle}"]
    version = f"PYTHON_VERSION={python_image.selected()}"
    begin = time.monotonic()
    quiet("docker", "build", "--tag", tag(peer, what), "--build-arg", version, *options, str(folder))
    return time.monotonic() - begin


def tag(peer: str, what: str) -> str:
    """Give the name of a build's image."""
    return f"stagecraft/bench:peer-{peer}-{what}"


def read(image: str) -> tuple[archive.Archive, report.Report]:
    """Give an image, and what there is to say of it."""
    found = archive.of(image)
    return found, report.report(image, found, scans=[])


def _facts(image: str, below: int) -> dict[str, Any]:
    """Give what is in an image; `below` is the bytes of the Python image."""
    found, said = read(image)
    return {
        "mb": round(said.size / 1e6, 1),
        "mb_above_python": round((said.size - below) / 1e6, 1),
        "layers": len(said.layers),
        "user": said.settings["user"][0].partition(",")[0],
        "left": [what for what, path in LEFT.items() if any(re.search(path, entry) for entry in found.entries)],
    }
