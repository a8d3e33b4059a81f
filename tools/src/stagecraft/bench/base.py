"""What base costs once, and what a change of it costs every service."""

import io
import json
import tarfile
from typing import Any

from rich.progress import track

from stagecraft.bench.builds import REGISTRY, bake_in, copied, remove_baked
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.inspection import archive
from stagecraft.project import service_names

ROUNDS = 3
# What is changed: the file, a line of it, and what takes that line's place, {} being another text each time.
CHANGES = {
    "nothing": ("Dockerfile", "EXPOSE 8000", "EXPOSE 8000"),
    "a line of echo": ("services/echo/src/echo/app.py", '"""', '"""{}'),
    "a setting of base": ("Dockerfile", "EXPOSE 8000", "EXPOSE 8000\nENV CHANGED={}"),
    "a file more in base": ("Dockerfile", "EXPOSE 8000", "EXPOSE 8000\nCOPY uv.lock /{}"),
    "a file of what base stands on": ("Dockerfile", "/python/. .\n", "/python/. .\necho {} > etc/changed\n"),
}


def measure() -> dict[str, Any]:
    """Time builds in a copy.

    Returns:
        The seconds of base alone from nothing, and by change those of all production images, and the megabytes of
        the layers that each service's image has anew.
    """
    changes: dict[str, Any] = {}
    found: dict[str, Any] = {"alone": [], "changes": changes}
    with copied() as folder:
        for number in track(range(ROUNDS), "base", console=errors):
            found["alone"].append(round(bake_in(folder, "--no-cache", "base"), 2))
            for what, (name, old, new) in CHANGES.items():
                path = folder / name
                text = path.read_text()
                bake_in(folder, "production")
                before = _layers() if not number else {}
                path.write_text(text.replace(old, new.format(f"{folder.name}-{number}"), 1))
                seconds = bake_in(folder, "production")
                path.write_text(text)
                if not number:
                    # which layers are new is the same in each round
                    anew = {service: _mb(layers, before[service]) for service, layers in _layers().items()}
                    changes[what] = {"seconds": [], "anew": anew}
                changes[what]["seconds"].append(round(seconds, 2))
    remove_baked()
    return found


def _layers() -> dict[str, dict[str, int]]:
    """Give by service the bytes of each layer of its image, by the layer's digest."""
    return {service: _layers_of(f"{REGISTRY}{service}:dev") for service in service_names()}


def _layers_of(image: str) -> dict[str, int]:
    with archive.saved(image) as saved, tarfile.open(saved) as opened:
        (manifest,) = json.load(opened.extractfile("manifest.json") or io.BytesIO())
        return {name: opened.getmember(name).size for name in manifest["Layers"]}


def _mb(layers: dict[str, int], before: dict[str, int]) -> float:
    return round(sum(size for name, size in layers.items() if name not in before) / 1e6, 1)


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    services = [*next(iter(found["changes"].values()))["anew"]]
    anew = [f"new in {service}'s image, MB" for service in services]
    lines = [f"| changed | seconds: median (range) | {' | '.join(anew)} |", f"|---|---:|{'---:|' * len(services)}"]
    for what in CHANGES:
        change = found["changes"][what]
        sizes = " | ".join(str(change["anew"][service]) for service in services)
        lines.append(f"| {what} | {spread(change['seconds'], 2)} | {sizes} |")
    alone = f"| base alone, from nothing | {spread(found['alone'], 2)} |{' |' * len(services)}"
    return "\n".join([*lines, alone])
