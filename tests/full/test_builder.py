"""What a builder of one's own can do, and the engine's can't: attest, and share a cache through a registry."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft import bake, builder, registry

BUILDERS = ("stagecraft-first", "stagecraft-second")
TARGET = "echo-production"
Bake = Callable[..., str]


@pytest.fixture(name="bake", scope="module")
def _bake(run: Any, engine_here: None) -> Iterator[Bake]:  # noqa: ARG001 - it builds with it
    """Bake by one of two builders that begin with nothing."""
    for name in BUILDERS:
        builder.delete(name)
        builder.ensure(name)
    known = bake.variables() | {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    if python := builder.python():
        known["PYTHON_IMAGE"] = python

    def bake_by(name: str, *arguments: str, **variables: str) -> str:
        command = ("docker", "buildx", "bake", "--builder", name, "--progress", "rawjson", *arguments)
        return str(run(*command, env=known | variables).stdout)

    yield bake_by
    for name in BUILDERS:
        builder.delete(name)


def test_one_builder_reads_what_another_has_written(bake: Bake, steps_done: Callable[[str], list[str]]) -> None:
    """Every step of a target, those of the stages before it among them, comes from the registry."""
    cache = f"{registry.address()}/cache-{secrets.token_hex(4)}"
    cold = steps_done(bake(BUILDERS[0], TARGET, f"--set={TARGET}.output=type=cacheonly", CACHE_TO=cache))
    assert {"debian RUN", "uv RUN", "builder RUN", "production COPY"} <= set(cold)

    warm = bake(BUILDERS[1], TARGET, f"--set={TARGET}.output=type=cacheonly", CACHE_FROM=cache)
    assert steps_done(warm) == []


def test_provenance_says_how_an_image_was_built(bake: Bake, run: Any, tmp_path: Path) -> None:
    """With which arguments, on which image, by which steps; of a secret its id alone."""
    token = secrets.token_hex(20)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine index.example.com login build password {token}\n")
    name = f"{registry.address()}/attested-{secrets.token_hex(4)}/"
    bake(BUILDERS[0], TARGET, ATTEST="true", REGISTRY=name, NETRC=str(netrc))

    said = run(
        "docker", "buildx", "imagetools", "inspect", f"{name}echo:dev", "--format", "{{json .Provenance}}"
    ).stdout
    provenance = json.loads(said)["SLSA"]
    parameters = json.dumps(provenance)
    assert '"build-arg:SERVICE": "echo"' in parameters
    assert "python" in json.dumps(provenance.get("materials") or provenance["buildDefinition"]["resolvedDependencies"])
    assert "uv sync" in parameters
    assert '"netrc"' in parameters
    assert token not in said
