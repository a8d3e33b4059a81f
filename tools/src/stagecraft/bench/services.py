"""What building takes, and what images hold, as services become more: echo, and services of the template."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import track

from stagecraft import scaffold, sync
from stagecraft.bench.builds import REGISTRY, bake_in, copied, edit
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.edits import Edits
from stagecraft.inspection import archive
from stagecraft.project import service_names
from stagecraft.shell import quiet

NUMBERS = (2, 5, 10, 20)
ROUNDS = 3
EDITED = "echo"
# In this order in a round.
ROWS = {
    "cold": "cold",
    "no_op": "nothing changed",
    "one_line": f"a line of {EDITED} changed",
    "one_line_alone": f"the same by `{EDITED}-production`",
}


def measure() -> dict[str, Any]:
    """Build as many services as NUMBERS says, in turn, in a copy that has the most.

    Returns:
        By number of services, the seconds of each round by ROWS, and the `bytes` of all production images, each layer
        once, with those `shared` by all.
    """
    found: dict[str, Any] = {}
    with _copied() as (folder, names):
        groups = {str(number): names[:number] for number in NUMBERS}
        source = folder / "services" / EDITED / "src" / EDITED / "app.py"

        def edited(to_build: list[str]) -> float:
            edit(source)
            return _bake(folder, to_build)

        # every package is in uv's cache, every image layer of an earlier run is not in the way
        _bake(folder, names)
        for number, group in track([*groups.items()] * ROUNDS, "services", console=errors):
            times = found.setdefault(number, {row: [] for row in ROWS})
            times["cold"].append(_bake(folder, group, "--no-cache"))
            _bake(folder, group)  # BuildKit may do a step of a build from nothing once more
            times["no_op"].append(_bake(folder, group))
            times["one_line"].append(edited(group))
            times["one_line_alone"].append(edited([EDITED]))
        layers = {name: _layers(f"{REGISTRY}{name}:dev") for name in names}
        for number, group in groups.items():
            each = [layers[name] for name in group]
            shared = set.intersection(*map(set, each))
            sizes = {digest: size for one in each for digest, size in one.items()}
            found[number] |= {"bytes": sum(sizes.values()), "shared": sum(sizes[digest] for digest in shared)}
        quiet("docker", "rmi", *(f"{REGISTRY}{name}:dev" for name in names))
    return found


@contextmanager
def _copied() -> Iterator[tuple[Path, list[str]]]:
    """Copy what builds read, and add services of the template; give it, and the names of echo and of those.

    Not those with a compiled module or a front end: what is asked is what one more service costs.
    """
    with copied() as folder:
        edits = Edits(folder)
        more = [f"service{number:02}" for number in range(1, max(NUMBERS))]
        for name in more:
            scaffold.add_service(edits, name)
        sync.plan(edits, sorted([*service_names(), *more]))
        edits.apply()
        subprocess.run(["uv", "lock", "--quiet"], check=True, cwd=folder)
        yield folder, [EDITED, *more]


def _bake(folder: Path, names: list[str], *more: str) -> float:
    return round(bake_in(folder, "base", *(f"{name}-production" for name in names), *more), 2)


def _layers(image: str) -> dict[str, int]:
    """Give the bytes of an image's layers by their digests."""
    read = archive.of(image)
    return dict(zip(read.config["rootfs"]["diff_ids"], (layer.size for layer in read.layers), strict=True))


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    heads = [f"{words}, s" for words in ROWS.values()]
    lines = [
        f"| production images | {' | '.join(heads)} | MB, each layer once |",
        f"|---|{'---:|' * len(heads)}---:|",
    ]
    for number in sorted(found, key=int):
        one = found[number]
        size = f"{one['bytes'] / 1e6:.0f}, {one['shared'] / 1e6:.0f} of them shared by all"
        lines.append(f"| {number} services | {' | '.join(spread(one[row], 1) for row in ROWS)} | {size} |")
    return "\n".join(lines)
