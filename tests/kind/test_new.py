"""A new service in a cluster of its own: deployed, curled, and seen by health."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stagecraft.project import service_names

SERVICES = (*service_names(), "greeter")


@pytest.fixture(name="env")
def _env(run: Any, copy: Path) -> Iterator[dict[str, str]]:
    """Give what sets a copy's cluster apart from this one; the cluster and its images go with the test."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in SERVICES]
        ports = [str(one.getsockname()[1]) for one in sockets]
    env = {f"KIND_{name.upper()}_PORT": port for name, port in zip(SERVICES, ports, strict=True)}
    # on two cores one worker's CPU is not enough for the requests of all pods
    env |= {"CLUSTER": "greeter", "KIND_NODES": "3", "VERSION": "new", "VIRTUAL_ENV": "", "COMPONENTS": ""}
    yield env
    run("make", "kind-down", cwd=copy, env=env)
    run("docker", "rmi", *(f"stagecraft/{name}:new" for name in SERVICES), code=None)


def test_a_new_service_is_deployed(run: Any, copy: Path, env: dict[str, str]) -> None:
    """Two commands, and it answers in a cluster; health reaches it through the policies."""
    run("make", "new", "SERVICE=greeter", cwd=copy, env=env)

    said = run("make", "kind", cwd=copy, env=env).stdout

    assert "smoke cases passed" in said
    url = f"http://localhost:{env['KIND_HEALTH_PORT']}/api/status?refresh=true"
    status = json.loads(run("curl", "--silent", "--fail", url).stdout)
    assert {target["name"]: target["status"] for target in status["targets"]} == {
        name: "up" for name in SERVICES if name != "health"
    }
