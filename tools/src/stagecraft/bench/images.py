"""How large every stage of every service is, what of, and the single-stage image beside them."""

import re
from functools import cache
from typing import Any

from rich.progress import track

from stagecraft import python_image
from stagecraft.console import errors
from stagecraft.inspection import archive, report
from stagecraft.project import ROOT, service_names
from stagecraft.shell import quiet

# What of the Dockerfile each is: a stage, and for hardened what it stands on. What ships is first, as it says of what
# the others have whether that ships.
STAGES = {
    "production": ["--target", "production"],
    "builder": ["--target", "builder"],
    "test": ["--target", "test"],
    "development": ["--target", "development"],
    "hardened": ["--target", "production", "--build-arg", "ROOTFS=hardened"],
}
SINGLE_STAGE = ("echo", "single-stage", ["--file", "Dockerfile.single-stage"])
# In the order of a table and of a chart.
SHOWN = ("single-stage", "builder", "test", "development", "production", "hardened")
PYTHON = "the Python image"
LIBRARIES = "libraries that production has"
OWN = "own code"
AIDS = "libraries of tests and development"
TOOLS = "compiler, installer and their like"
HIDDEN = "hidden by a later layer"
ORIGINS = (PYTHON, LIBRARIES, OWN, AIDS, TOOLS, HIDDEN)
# Where a stage has the sources, what is made of them and reports on them; in site-packages they go by their names.
SOURCES = re.compile(r"^(app|reports|src)/(?!\.venv/)|/\.venv/share/")
PACKAGE = re.compile(r".*/(?:site|dist)-packages/([^/]+)|.*/\.venv/(.+)")
# What of an instruction says best what a layer is.
WORDS = re.compile(r"apt-get install|(?:uv )?pip install|get_uv\.py|uv sync|pytest")


def measure() -> list[dict[str, Any]]:
    """Build every stage, and look into it.

    Returns:
        Of each its service, stage, megabytes and those above the Python image, those by origin, and its layers, each
        with what made it and its megabytes.
    """
    base = python_image.name(python_image.selected())
    python = archive.of(base)
    wanted = [
        (service, stage, [*arguments, "--build-arg", f"SERVICE={service}"])
        for service in service_names()
        for stage, arguments in STAGES.items()
    ]
    found = []
    ships: dict[str, set[str]] = {}
    for service, stage, arguments in track([*wanted, SINGLE_STAGE], "images", console=errors):
        tag = f"stagecraft/bench:{service}-{stage}"
        quiet("docker", "build", "--tag", tag, *arguments, ".")
        image = archive.of(tag)
        if stage == "production":
            ships[service] = {_package(path) for path in image.entries}
        found.append(
            {
                "service": service,
                "stage": stage,
                "mb": round(size(tag), 1),
                "mb_above_python": round(size(tag) - size(base), 1),
                "layers": layers(image, python),
                "origins": origins(image, python, ships[service]),
            }
        )
        quiet("docker", "rmi", tag)
    return sorted(found, key=lambda image: (image["service"], SHOWN.index(image["stage"])))


def table(found: list[dict[str, Any]]) -> str:
    """Give the table."""
    lines = ["| service, stage | MB | MB above the Python image | layers |", "|---|---:|---:|---:|"]
    for image in found:
        name = f"{image['service']}, {image['stage']}"
        name = f"**{name}**" if image["stage"] == "production" else name
        lines.append(f"| {name} | {image['mb']} | {image['mb_above_python']} | {len(image['layers'])} |")
    return "\n".join(lines)


def size(image: str) -> float:
    """Give the megabytes of an image, as the engine counts them."""
    return int(quiet("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def layers(image: archive.Archive, python: archive.Archive) -> list[dict[str, Any]]:
    """Give what made each layer and its megabytes, the first first."""
    digests = image.config["rootfs"]["diff_ids"]
    known = python.config["rootfs"]["diff_ids"]
    return [
        {"made_by": PYTHON if digest in known else _words(layer.instruction), "mb": round(layer.size / 1e6, 2)}
        for layer, digest in zip(image.layers, digests, strict=True)
    ]


def _words(instruction: str) -> str:
    """Shorten an instruction to what tells it from others."""
    kind, _, rest = instruction.partition(" ")
    if kind != "RUN":
        return instruction
    telling = WORDS.search(rest)
    return f"RUN {telling[0]}" if telling else "another RUN"


def origins(image: archive.Archive, python: archive.Archive, ships: set[str]) -> dict[str, float]:
    """Give the megabytes of each origin; ships is what `_package` gives for the production image's paths."""
    sizes = dict.fromkeys(ORIGINS, 0)
    for path, entry in image.entries.items():
        sizes[_origin(path, python, ships)] += entry.size
    sizes[HIDDEN] = sum(hidden.size for hidden in image.hidden)
    return {origin: round(size / 1e6, 2) for origin, size in sizes.items()}


def _origin(path: str, python: archive.Archive, ships: set[str]) -> str:
    package = _package(path)
    if SOURCES.search(path) or _members().match(package):
        return OWN
    if (report.source(path) if path.endswith(".pyc") else path) in python.entries:
        return PYTHON
    if not package:
        return TOOLS
    return LIBRARIES if package in ships else AIDS


@cache
def _members() -> re.Pattern[str]:
    """Give how the names begin of what a member of the workspace installs; mypyc's module has a name of its own."""
    names = [path.parent.name for path in ROOT.glob("libs/*/pyproject.toml")] + service_names()
    return re.compile(rf"(?:{'|'.join(names)})\b|\w+__mypyc\b")


def _package(path: str) -> str:
    """Give what of an environment a path is of: a folder of site-packages, or a file elsewhere; else nothing."""
    found = PACKAGE.match(f"/{path}")
    # a release's number is no other package
    return re.sub(r"-[\d.]+\.dist-info$", "", found[1] or found[2]) if found else ""
