"""Where the time goes until echo's production image gives its first 200."""

import json
import re
import statistics
import time
from collections import Counter
from typing import Any

from rich.progress import track

from stagecraft.bench.builds import start
from stagecraft.bench.serve import container
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.shell import quiet

ROUNDS = 9
TAG = "stagecraft/bench:start"
# Prints the seconds of an interpreter that does nothing.
INTERPRETER = """
import subprocess, sys, time
begin = time.perf_counter()
subprocess.run([sys.executable, "-c", "pass"], check=True)
print(time.perf_counter() - begin)
"""
# Imports what gunicorn would, then makes and starts the application; prints the seconds of these two.
APPLICATION = """
import asyncio, json, sys, time
import chassis.gunicorn, gunicorn.app.wsgiapp
from echo.app import create_app
print("imported", file=sys.stderr, flush=True)
begin = time.perf_counter()
app = create_app()
made = time.perf_counter()
async def start():
    begin = time.perf_counter()
    async with app.router.lifespan_context(app):
        return time.perf_counter() - begin
said = {"made": made - begin, "started": asyncio.run(start()), "standard": sorted(sys.stdlib_module_names)}
print(json.dumps(said))
"""
# A line of `-X importtime`: the microseconds of one module without those of what it imports, and its package.
IMPORTED = re.compile(r"^import time: +(\d+) \| +\d+ \| +(\w+)", re.MULTILINE)
STANDARD, OTHERS = "the standard library", "everything else"
# A package that takes a smaller share of the imports is part of everything else.
SHARE = 0.02
PARTS = {
    "container": "`docker run` of nothing",
    "interpreter": "an interpreter that does nothing",
    "made": "`create_app`",
    "started": "its lifespan",
}
# Where bytecode is looked for: nowhere that there is any.
UNCOMPILED = ("--env", "PYTHONPYCACHEPREFIX=/nonexistent")


def measure() -> dict[str, Any]:
    """Start echo's production image, and each part of a start by itself.

    Returns:
        By part, milliseconds of each round; in `imports`, the same by package, and its modules.
    """
    quiet("docker", "build", "--tag", TAG, ".")
    found: dict[str, Any] = {name: [] for name in ("start", "uncompiled", *PARTS)}
    rounds: list[Counter[str]] = []
    for _ in track(range(ROUNDS), "start", console=errors):
        imported, seconds = _application()
        rounds.append(Counter())
        for package, microseconds in imported:
            rounds[-1][package] += microseconds
        seconds |= {"start": start([TAG]), "uncompiled": start([*UNCOMPILED, TAG])}
        seconds |= {"container": _container(), "interpreter": float(_python(INTERPRETER))}
        for name, values in found.items():
            values.append(round(seconds[name] * 1000, 1))
    quiet("docker", "rmi", TAG)
    return found | {"imports": _by_package(rounds, Counter(package for package, _ in imported))}


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    imports = sorted(found["imports"].items(), key=lambda one: (one[0] == OTHERS, -statistics.median(one[1]["ms"])))
    rows = [(words, "", found[name]) for name, words in PARTS.items()]
    rows[2:2] = [(f"imports: {name}", one["modules"], one["ms"]) for name, one in imports]
    rows += [
        ("**`docker run` to the first 200**", "", found["start"]),
        ("the same, were nothing compiled to bytecode", "", found["uncompiled"]),
    ]
    lines = ["| | modules | ms: median (range) |", "|---|---:|---:|"]
    return "\n".join([*lines, *(f"| {words} | {modules} | {spread(values, 0)} |" for words, modules, values in rows)])


def _application() -> tuple[list[tuple[str, int]], dict[str, float]]:
    """Give the package and the microseconds of each module that a start imports, and seconds of what follows."""
    imported, _, said = _python(APPLICATION, "-X", "importtime").partition("imported\n")
    last = json.loads(said.splitlines()[-1])
    standard = {*last.pop("standard")}
    names = [(STANDARD if name in standard else name, int(spent)) for spent, name in IMPORTED.findall(imported)]
    return names, last


def _by_package(rounds: list[Counter[str]], modules: Counter[str]) -> dict[str, Any]:
    """Give each package's modules and milliseconds by round, small ones as one."""
    medians = {package: statistics.median(one[package] for one in rounds) for package in modules}
    large = [package for package in medians if medians[package] >= SHARE * sum(medians.values())]
    groups = {package: [package] for package in large} | {OTHERS: [one for one in medians if one not in large]}
    return {
        name: {
            "modules": sum(modules[package] for package in group),
            "ms": [round(sum(one[package] for package in group) / 1000, 1) for one in rounds],
        }
        for name, group in groups.items()
    }


def _container() -> float:
    """Give the seconds until a container runs that does nothing."""
    begin = time.monotonic()
    with container([TAG, "python", "-S", "-c", "pass"]):
        return time.monotonic() - begin


def _python(code: str, *options: str) -> str:
    """Give what a Python of the image prints, on either stream."""
    return quiet("docker", "run", "--rm", TAG, "sh", "-c", 'exec python "$@" 2>&1', "python", *options, "-c", code)
