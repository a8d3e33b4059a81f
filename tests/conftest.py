"""What the tests across services share: the repository, a copy of it, the images, the engine."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft import bake, compose, engine, host, python_image
from stagecraft.project import ROOT, service_names

BASE_IMAGE = "stagecraft/base:test"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command at the repository's root, both its streams in one; `code` is what it must end with."""

    def run(
        *command: str, code: int | None = 0, cwd: Path = ROOT, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, check=False, cwd=cwd, env=os.environ | (env or {}), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done

    return run


@pytest.fixture(scope="session")
def engine_here() -> Iterator[None]:
    """Have an engine, as no test is skipped for the lack of one, and the ports that `make up` holds until the end."""
    engine.ensure()
    python_image.ensure()
    containers, processes = compose.running(), host.running()
    compose.down()
    host.down()
    yield
    if containers:
        bake.build("production")
        compose.up()
    if processes:
        host.up()


@pytest.fixture(scope="module")
def images(engine_here: None) -> dict[str, str]:  # noqa: ARG001 - it builds with it
    """Build every production image, from the cache where another module has; give its name by service."""
    # base too, in the same build: another one could find an equal base of another time in the cache
    bake.build("production", "--set", "base.output=type=docker", "--set", f"base.tags={BASE_IMAGE}")
    return {service: f"stagecraft/{service}:dev" for service in service_names()}


@pytest.fixture(scope="module")
def base_image(images: dict[str, str]) -> str:  # noqa: ARG001 - it is built with them
    """Give the name of the base stage as an image of its own, to compare others with."""
    return BASE_IMAGE


@pytest.fixture(scope="session")
def inspect(run: Run) -> Callable[[str], Any]:
    """Give what `docker inspect` says of a container or an image."""
    return lambda name: json.loads(run("docker", "inspect", name).stdout)[0]


@pytest.fixture
def container(run: Run) -> Iterator[Callable[..., str]]:
    """Start containers that are removed after the test; each call gives the container's id."""
    started = []

    def start(*arguments: str) -> str:
        started.append(run("docker", "run", "--detach", *arguments).stdout.split()[-1])
        return started[-1]

    yield start
    for name in started:
        run("docker", "rm", "--force", "--volumes", name, code=None)


@pytest.fixture(scope="session")
def wait_until_healthy(inspect: Callable[[str], Any]) -> Callable[[str], None]:
    """Wait until a container's HEALTHCHECK says that it is healthy."""

    def wait(name: str) -> None:
        deadline = time.monotonic() + 30
        while (state := inspect(name)["State"])["Health"]["Status"] != "healthy":
            assert state["Running"], f"{name} ended with {state['ExitCode']}"
            assert time.monotonic() < deadline, f"{name} is {state['Health']['Status']} after 30 s"
            time.sleep(0.1)

    return wait


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    """Copy what git would commit of the repository into a folder of its own."""
    folder = tmp_path / "copy"
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
