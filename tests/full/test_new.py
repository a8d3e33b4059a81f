"""`make new`, as a person uses it: from the command to an answer, and away again."""

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagecraft.project import service_names

pytestmark = pytest.mark.usefixtures("engine_here")

Make = Callable[..., str]
SERVICES = (*service_names(), "greeter")


def free_ports(number: int) -> list[int]:
    """Give ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(name="ports")
def _ports() -> dict[str, int]:
    """Give a port of this machine for each service, the new one included."""
    return dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))


@pytest.fixture(name="make")
def _make(run: Any, copy: Path, ports: dict[str, int]) -> Iterator[Make]:
    """Run make in a copy of the repository that git knows, with names and ports of its own, and clean up after it."""
    for command in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@example.com commit --quiet -m copy"):
        run("git", *command.split(), cwd=copy)
    env = {f"{name.upper()}_PORT": str(port) for name, port in ports.items()}
    env |= {"COMPOSE_PROJECT_NAME": "stagecraft-new", "VERSION": "new", "VIRTUAL_ENV": ""}

    def make(*arguments: str) -> str:
        return str(run("make", *arguments, cwd=copy, env=env).stdout)

    yield make
    make("down")
    run("docker", "rmi", *(f"stagecraft/{name}:new" for name in SERVICES), code=None)


def test_one_command_makes_a_service_that_is_built_tested_run_and_rendered(
    run: Any, copy: Path, make: Make, ports: dict[str, int]
) -> None:
    """No file is edited by hand, and one command more takes all of it out again."""
    said = make("new", "SERVICE=greeter")
    assert "add services/greeter/src/greeter/app.py" in said

    run("uv", "run", "--quiet", "--frozen", "pytest", "--quiet", "services/greeter", cwd=copy, env={"VIRTUAL_ENV": ""})
    make("lint")
    make("build", "TARGETS=greeter-test")
    assert f"greeter  http://localhost:{ports['greeter']}" in make("up")
    hello = run("curl", "--silent", "--fail", f"http://localhost:{ports['greeter']}/hello/World").stdout
    assert json.loads(hello) == {"text": "Hello, World!"}
    # health has been told of it
    status = run("curl", "--silent", "--fail", f"http://localhost:{ports['health']}/api/status?refresh=true").stdout
    assert {target["name"]: target["status"] for target in json.loads(status)["targets"]} == {
        name: "up" for name in SERVICES if name != "health"
    }
    for overlay in ("kind", "production"):
        objects = list(yaml.safe_load_all(run("kubectl", "kustomize", f"deploy/overlays/{overlay}", cwd=copy).stdout))
        (deployment,) = (one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"] == "greeter")
        assert re.match(r"stagecraft/greeter[:@]", deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    make("down")
    shutil.rmtree(copy / "services" / "greeter")
    make("sync")
    assert not run("git", "status", "--porcelain", "--untracked-files=all", cwd=copy).stdout
    make("plan")
