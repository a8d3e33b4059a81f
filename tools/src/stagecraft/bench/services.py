"""Twenty services against two: how long they take to build, and what they hold. Part of `make bench`."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import track

from stagecraft import scaffold, sync
from stagecraft.bench.builds import REGISTRY, bake_in, copied
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.edits import Edits
from stagecraft.project import service_names
from stagecraft.shell import quiet

MANY = 20
ROUNDS = 3


def measure() -> dict[str, Any]:
    """Build this repository's services, and then many, in turn, in a copy that has many.

    Returns:
        By number of services, the seconds of each round from nothing but cached packages (`cold`) and of another
        with nothing changed (`no_op`), and the bytes of all production images: `shared` by all, and `unique`.
    """
    few = service_names()
    found: dict[str, Any] = {}
    with _copied() as (folder, many):
        groups = {str(len(few)): few, str(len(many)): many}
        for names in groups.values():
            # every package is in uv's cache, every image layer of an earlier run is not in the way
            _bake(folder, names)
        for number, names in track([*groups.items()] * ROUNDS, "services", console=errors):
            times = found.setdefault(number, {"cold": [], "no_op": []})
            times["cold"].append(_bake(folder, names, "--no-cache"))
            times["no_op"].append(_bake(folder, names))
        for number, names in groups.items():
            unique = [_layer(f"{REGISTRY}{name}:dev") for name in names]
            whole = int(_inspect("{{.Size}}", f"{REGISTRY}{names[0]}:dev"))
            found[number] |= {"shared": whole - unique[0], "unique": sum(unique)}
        quiet("docker", "rmi", *(f"{REGISTRY}{name}:dev" for name in many))
    return found


@contextmanager
def _copied() -> Iterator[tuple[Path, list[str]]]:
    """Copy what builds read, and fill it up to many services from the template; give it and their names."""
    with copied() as folder:
        edits = Edits(folder)
        names = [*service_names(), *(f"service{number:02}" for number in range(len(service_names()), MANY))]
        for name in names[len(service_names()) :]:
            scaffold.add_service(edits, name)
        sync.plan(edits, sorted(names))
        edits.apply()
        subprocess.run(["uv", "lock", "--quiet"], check=True, cwd=folder)
        yield folder, names


def _bake(folder: Path, names: list[str], *more: str) -> float:
    return round(bake_in(folder, "base", *(f"{name}-production" for name in names), *more), 2)


def _layer(image: str) -> int:
    """Give the size of an image's last layer: all that a service adds to base."""
    sizes = quiet("docker", "history", "--human=false", "--format", "{{.Size}}", image).split()
    return next(size for size in map(int, sizes) if size)


def _inspect(what: str, image: str) -> str:
    return quiet("docker", "image", "inspect", "--format", what, image)


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    lines = ["| production images | cold, s | nothing changed, s | MB, each layer once |", "|---|---:|---:|---:|"]
    for number, one in found.items():
        size = f"{(one['shared'] + one['unique']) / 1e6:.0f}, {one['shared'] / 1e6:.0f} of them shared by all"
        lines.append(f"| {number} services | {spread(one['cold'], 1)} | {spread(one['no_op'], 1)} | {size} |")
    return "\n".join(lines)
