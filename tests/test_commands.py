"""The Makefile's commands as a person uses them, on the real engine and without one."""

import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stagecraft import compose, host, node_image, python_image
from stagecraft.problem import Exit
from stagecraft.project import ROOT, service_names, services
from stagecraft.shell import output

STAGECRAFT = (sys.executable, "-m", "stagecraft")

pytestmark = pytest.mark.usefixtures("engine_here")


def stagecraft(run: Any, *arguments: str, code: int = 0, **env: str) -> str:
    """Run the command itself, whose exit code make would hide."""
    return str(run(*STAGECRAFT, *arguments, code=code, env=env).stdout)


def test_make_alone_has_a_line_for_every_target(run: Any) -> None:
    """No target is without its line of help."""
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = re.findall(r"^  (\w[\w-]*)  +\w", run("make").stdout, re.MULTILINE)

    assert targets
    assert sorted(targets) == sorted(shown)


def test_doctor_is_plain_in_a_pipe_and_json_for_scripts(run: Any) -> None:
    """Here `make up` works, so it ends with 0; a script reads the same findings."""
    plain = run("make", "doctor").stdout
    found = {finding["name"]: finding for finding in json.loads(stagecraft(run, "doctor", "--json"))}

    assert "\x1b" not in plain
    assert {"Python", "uv", "curl", "disk", "CA bundle", "Docker Engine", "buildx", "compose", "registry"} <= set(found)
    assert {f"port {service.port}" for service in services()} <= set(found)
    assert all(name in plain for name in found)
    assert all(stand_in in plain for stand_in in python_image.stand_ins())


def test_doctor_fails_where_up_would(run: Any) -> None:
    """An engine that can't be had is an exit code and an advice."""
    said = stagecraft(run, "doctor", code=Exit.MISSING, DOCKER_HOST="unix:///none")

    assert "ENGINE=none" in said


def test_an_unsupported_python_is_refused_with_the_list(run: Any) -> None:
    """Nothing is built for a Python that is not tested."""
    said = stagecraft(run, "up", code=Exit.USAGE, PYTHON_VERSION="3.12")

    assert "PYTHON_VERSION=3.12 is not supported" in said
    assert "3.11, 3.13, 3.14" in said


def test_a_port_that_is_none_is_refused(run: Any) -> None:
    """Whatever it is set to, the message names the variable."""
    for given in ("abc", "0", "99999"):
        said = stagecraft(run, "up", code=Exit.USAGE, ECHO_PORT=given)

        assert f"ECHO_PORT={given} is no port" in said


def test_an_engine_that_does_not_answer_is_a_clear_message(run: Any) -> None:
    """DOCKER_HOST is somebody's choice: nothing is installed over it."""
    said = stagecraft(run, "build", code=Exit.MISSING, DOCKER_HOST="unix:///none")

    assert "DOCKER_HOST=unix:///none: there is no Docker Engine 25 or newer" in said


def watched(run: Any) -> dict[str, str]:
    """Give what health says of its targets."""
    url = next(service.url for service in services() if service.name == "health")
    targets = json.loads(run("curl", "--silent", "--fail", f"{url}/api/status").stdout)["targets"]
    return {target["name"]: target["status"] for target in targets}


@pytest.fixture(name="stopped")
def _stopped() -> None:
    """Have no service running."""
    compose.down()
    host.down()


@pytest.mark.usefixtures("stopped")
def test_a_busy_port_is_named_before_anything_is_built(run: Any) -> None:
    """Who has the port, and which variable moves the service."""
    port = next(service.port for service in services() if service.name == "echo")
    with socket.create_server(("127.0.0.1", port)):
        said = stagecraft(run, "up", code=Exit.BUSY)

    assert re.search(rf"port {port}, for echo, is taken by \S+ \(pid \d+\)", said)
    assert "ECHO_PORT=" in said
    assert "build" not in said


@pytest.mark.usefixtures("stopped")
def test_up_down_with_containers(run: Any, inspect: Callable[[str], Any]) -> None:
    """One command builds, starts and curls; a second is quick; down leaves no container and no network."""
    first = run("make", "up").stdout
    start = time.monotonic()
    again = run("make", "up").stdout
    seconds = time.monotonic() - start

    for service in services():
        assert service.url in first
    assert "smoke cases passed" in again
    assert set(compose.running()) == set(service_names())
    assert watched(run) == {name: "up" for name in service_names() if name != "health"}
    for name in service_names():
        held = inspect(f"stagecraft-{name}-1")["HostConfig"]
        assert held["ReadonlyRootfs"]
        assert held["CapDrop"] == ["ALL"]
        assert all(binding[0]["HostIp"] == "127.0.0.1" for binding in held["PortBindings"].values())
    assert seconds < 30, "a second `make up` has nothing to do"

    assert f"stopped {', '.join(service_names())}" in run("make", "down").stdout
    assert not output("docker", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project=stagecraft")
    assert not output("docker", "network", "ls", "--quiet", "--filter", "label=com.docker.compose.project=stagecraft")
    assert "nothing was running" in run("make", "down").stdout


@pytest.mark.usefixtures("stopped")
def test_up_down_without_an_engine(run: Any) -> None:
    """The same services from the same lock pass the same smoke cases as processes of this machine."""
    said = run("make", "up", "ENGINE=none", env={"DOCKER_HOST": "unix:///none"}).stdout

    assert "smoke cases passed" in said
    assert set(host.running()) == set(service_names())
    assert not compose.running()
    assert watched(run) == {name: "up" for name in service_names() if name != "health"}
    run("make", "up", "ENGINE=none")
    # only a port that is wanted and not ours is in the way
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert "is taken by" in stagecraft(run, "up", code=Exit.BUSY, ENGINE="none", ECHO_PORT=port)

    assert f"stopped {', '.join(service_names())}" in run("make", "down", env={"DOCKER_HOST": "unix:///none"}).stdout
    assert not host.running()


@pytest.fixture(name="kept_stand_ins")
def _kept_stand_ins(run: Any) -> Iterator[list[str]]:
    """Keep the stand-ins' layers under another name, as making them anew takes a minute."""
    stand_ins = python_image.stand_ins() + node_image.stand_ins()
    kept = {f"localhost/kept/{name}": name for name in stand_ins}
    for keep, name in kept.items():
        run("docker", "tag", name, keep)
    yield stand_ins
    for keep, name in kept.items():
        run("docker", "tag", keep, name)
        run("docker", "rmi", keep)


@pytest.mark.usefixtures("stopped", "images")
def test_clean_leaves_nothing_behind(run: Any, kept_stand_ins: list[str]) -> None:
    """Images with our label, stand-ins and environments go, and it says which."""
    # a cluster that is here is left alone, as making it anew takes a minute
    said = run("make", "clean", env={"CLUSTER": "none"}).stdout

    assert "stagecraft/echo:dev" in said
    assert not output("docker", "images", "--quiet", "--filter", "label=dev.stagecraft.image")
    assert not python_image.stand_ins() + node_image.stand_ins()
    assert all(name in said for name in kept_stand_ins)
    assert not host.FOLDER.exists()
