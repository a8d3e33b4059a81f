"""Two builds of one commit give the same images, whenever and from wherever they are made."""

import io
import json
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft.bake import variables
from stagecraft.project import service_names

BASES = ["base", "base-hardened"]
TARGETS = [*BASES, *(f"{service}-{group}" for service in service_names() for group in ("production", "hardened"))]
REGISTRY = "stagecraft/reproducible-"

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="built")
def _built(run: Any, copy: Path) -> Iterator[tuple[dict[str, str], dict[str, str], float]]:
    """Build all that ships from nothing, twice, the second time from files of other times and rights.

    Gives the images' ids of both builds by name, and when the first began.
    """
    start = time.time()
    found = []
    for _ in range(2):
        exports = [f"--set={base}.{key}" for base in BASES for key in ("output=type=docker", f"tags={REGISTRY}{base}")]
        env = {**variables(), "REGISTRY": REGISTRY, "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
        run("docker", "buildx", "bake", "--no-cache", "production", "hardened", *exports, cwd=copy, env=env)
        listed = run("docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout
        found.append(dict(line.split() for line in listed.splitlines() if line.startswith(REGISTRY)))
        for path in copy.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o600 | (path.stat().st_mode & 0o100))
                os.utime(path, (start + 3600, start + 3600))
    yield found[0], found[1], start
    run("docker", "rmi", "--force", *found[1])


def times(archive: Path) -> Iterator[tuple[str, float]]:
    """Give every time that a saved image has: of its files, of its configuration, of its history."""
    with tarfile.open(archive) as saved:
        (manifest,) = json.load(saved.extractfile("manifest.json") or io.BytesIO())
        config = json.load(saved.extractfile(manifest["Config"]) or io.BytesIO())
        for entry in [config, *config["history"]]:
            stamp = entry["created"].partition(".")[0].removesuffix("Z")
            yield (
                entry.get("created_by", "config"),
                time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) - time.timezone,
            )
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=saved.extractfile(layer)) as files:
                yield from ((entry.name, entry.mtime) for entry in files)


def test_two_builds_are_one_image(built: Any, run: Any, tmp_path: Path) -> None:
    """Every id is the same, so every file, right, time and line of history is; and no time is that of a build."""
    first, second, start = built

    assert len(first) == len(TARGETS)
    assert first == second
    for name in second:
        run("docker", "save", "--output", str(tmp_path / "image.tar"), name)
        assert [(what, when) for what, when in times(tmp_path / "image.tar") if when >= start - 1] == []
