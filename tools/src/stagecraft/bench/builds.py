"""How long builds of all services take, and the start of one."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import track

from stagecraft import bake
from stagecraft.bench.serve import container, wait_until_ready
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.problem import Problem
from stagecraft.project import ROOT, service_names
from stagecraft.shell import quiet

ROUNDS = 3
REGISTRY = "stagecraft/bench-"
FILES = (
    ".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "README.md", "docker-bake.hcl", "pyproject.toml",
    "uv.lock",
)  # fmt: skip
FOLDERS = ("deploy", "libs", "services", "tools")


def measure() -> dict[str, list[float]]:
    """Time builds of all services in a copy, whose source can be edited, and the start of one."""
    rows = ("cold", "no_op", "one_line", "one_line_alone", "no_op_alone", "start")
    times: dict[str, list[float]] = {row: [] for row in rows}
    with copied() as folder:
        for _ in track(range(ROUNDS), "seconds", console=errors):
            times["cold"].append(bake_in(folder, "--no-cache", "production"))
            bake_in(folder, "production")  # BuildKit may do a step of a build from nothing once more
            times["no_op"].append(bake_in(folder, "production"))
            source = folder / "services" / "echo" / "src" / "echo" / "app.py"
            edit(source)
            times["one_line"].append(bake_in(folder, "production"))
            edit(source)
            times["one_line_alone"].append(bake_in(folder, "base", "echo-production"))
            times["no_op_alone"].append(bake_in(folder, "base", "echo-production"))
            times["start"].append(start([f"{REGISTRY}echo:dev"]))
    remove_baked()
    return {name: [round(value, 2) for value in values] for name, values in times.items()}


def table(found: dict[str, list[float]]) -> str:
    """Give the table."""
    names = {
        "cold": "all production images, nothing cached but packages",
        "no_op": "the same again, nothing changed",
        "one_line": "the same after a change of one line of echo",
        "one_line_alone": "the same by the target `echo-production`",
        "no_op_alone": "that target again, nothing changed",
        "start": "`docker run` to echo's first 200",
    }
    lines = ["| | seconds: median (range) |", "|---|---:|"]
    lines += [f"| {words} | {spread(found[name], 2)} |" for name, words in names.items() if name in found]
    return "\n".join(lines)


@contextmanager
def copied() -> Iterator[Path]:
    """Copy what builds and lists of services read into a folder, to be edited there."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name)
        yield folder


def edit(source: Path) -> None:
    """Change a source by a line that no build has seen."""
    source.write_text(f"{source.read_text()}\n# {time.time()}\n")


def bake_in(folder: Path, *arguments: str) -> float:
    """Give the seconds that bake takes in a folder; its images are named as no other's are.

    Raises:
        Problem: It failed; its last words are the advice.
    """
    variables = os.environ | bake.variables() | {"REGISTRY": REGISTRY, "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    build = ["docker", "buildx", "bake", *arguments]
    begin = time.monotonic()
    done = subprocess.run(build, check=False, cwd=folder, env=variables, capture_output=True, text=True)
    seconds = time.monotonic() - begin
    if done.returncode:
        raise Problem(f"`{' '.join(build)}` ended with code {done.returncode}", done.stderr[-3000:])
    return seconds


def remove_baked() -> None:
    """Remove the production images of `bake_in`."""
    quiet("docker", "rmi", *(f"{REGISTRY}{service}:dev" for service in service_names()))


def start(arguments: list[str]) -> float:
    """Give the seconds from `docker run`, by its words, to a service's first 200, the second time it is run."""
    # the first is for the disk, which is not what is measured
    for _ in range(2):
        begin = time.monotonic()
        with container(arguments):
            wait_until_ready()
            seconds = time.monotonic() - begin
    return seconds
