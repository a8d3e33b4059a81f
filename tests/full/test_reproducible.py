"""Two builds of one commit give the same images, whenever and from wherever they are made."""

import io
import json
import os
import tarfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stagecraft import builder, python_image, registry
from stagecraft.bake import variables
from stagecraft.project import service_names

BASES = ["base", "base-hardened"]
TARGETS = [*BASES, *(f"{service}-{group}" for service in service_names() for group in ("production", "hardened"))]
REGISTRY = "stagecraft/reproducible-"
BUILDER = "stagecraft-reproducible"
# The same files, whatever the clock. A file's own times stay, as those of a build are told from others by them.
CLOCK = """\
ARG PYTHON
FROM ${PYTHON}
RUN apt-get update && apt-get install --yes --no-install-recommends libfaketime && rm -r /var/lib/apt/lists/*
RUN ln --symbolic /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/libfaketime.so.1
ARG FAKETIME
ENV LD_PRELOAD=/usr/lib/libfaketime.so.1 NO_FAKE_STAT=1 FAKETIME=${FAKETIME}
"""

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="clocks")
def _clocks(run: Any, tmp_path: Path) -> Iterator[list[str]]:
    """Give two Python images of the same files, of which one has a clock that is a day and an hour ahead."""
    (tmp_path / "Dockerfile").write_text(CLOCK)
    images = []
    for name, offset in (("now", "+0"), ("later", "+25h")):
        images.append(f"{REGISTRY}clock:{name}")
        arguments = (f"PYTHON={python_image.name(python_image.selected())}", f"FAKETIME={offset}")
        given = (f"--build-arg={argument}" for argument in arguments)
        run("docker", "build", "--tag", images[-1], *given, str(tmp_path))
    yield images
    run("docker", "rmi", "--force", *images)


@pytest.fixture(name="built")
def _built(run: Any, copy: Path, clocks: list[str]) -> Iterator[tuple[dict[str, str], dict[str, str], float]]:
    """Build all that ships from nothing, twice, the second time a day later, from files of other times and rights.

    A builder of its own does it: the engine's store has two orders for the files of a layer.

    Gives the images' ids of both builds by name, and when the first began.
    """
    start = time.time()
    registry.up()
    pushed = registry.push(clocks)
    builder.ensure(BUILDER)
    found = []
    for clock in clocks:
        exports = [f"--set={base}.{key}" for base in BASES for key in ("output=type=docker", f"tags={REGISTRY}{base}")]
        known = {"REGISTRY": REGISTRY, "PYTHON_IMAGE": pushed[clock], "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
        command = ("docker", "buildx", "bake", "--builder", BUILDER, "--no-cache", "production", "hardened", *exports)
        run(*command, cwd=copy, env=variables() | known)
        listed = run("docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout
        images = dict(line.split() for line in listed.splitlines() if line.startswith(REGISTRY))
        found.append({name: image for name, image in images.items() if name not in clocks})
        for path in copy.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o600 | (path.stat().st_mode & 0o100))
                os.utime(path, (start + 3600, start + 3600))
    yield found[0], found[1], start
    run("docker", "rmi", "--force", *found[1])
    builder.delete(BUILDER)


def times(archive: Path) -> Iterator[tuple[str, float]]:
    """Give every time that saved images have: of their files, of their configuration, of their history."""
    with tarfile.open(archive) as saved:
        for manifest in json.load(saved.extractfile("manifest.json") or io.BytesIO()):
            config = json.load(saved.extractfile(manifest["Config"]) or io.BytesIO())
            for entry in [config, *config["history"]]:
                created = datetime.fromisoformat(entry["created"]).timestamp()
                yield entry.get("created_by", "config"), created
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=saved.extractfile(layer)) as files:
                    yield from ((entry.name, entry.mtime) for entry in files)


def test_two_builds_are_one_image(built: Any, clocks: list[str], run: Any, tmp_path: Path) -> None:
    """Every id is the same, so every file, right, time and line of history is; and no time is that of a build."""
    first, second, start = built
    archive = tmp_path / "image.tar"
    # the Python image may be as young as the first build's first second
    run("docker", "save", "--output", str(archive), *clocks)
    given = set(times(archive))

    assert len(first) == len(TARGETS)
    assert first == second
    for name in second:
        run("docker", "save", "--output", str(archive), name)
        assert [(what, when) for what, when in set(times(archive)) - given if when >= start - 1] == []


def test_the_clocks_differ(clocks: list[str], run: Any) -> None:
    """The steps of the second build are really told another day."""
    first, second = (int(run("docker", "run", "--rm", clock, "date", "+%s").stdout) for clock in clocks)

    assert 25 * 3600 <= second - first < 25 * 3600 + 60
