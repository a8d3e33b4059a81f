"""The services as containers: deploy/compose.yaml."""

import json
import subprocess
import time
from collections.abc import Iterable
from typing import Any

import yaml

from stagecraft import logs
from stagecraft.problem import Problem
from stagecraft.project import CACHE, COMPOSE, CONTAINER_PORT, ROOT
from stagecraft.shell import output, run

_COMPOSE = ("docker", "compose", "--file", str(COMPOSE.relative_to(ROOT)))
# What `make dev` lays over it.
_OVERRIDE = CACHE / "compose.development.yaml"
_DEVELOPMENT = (*_COMPOSE, "--file", str(_OVERRIDE.relative_to(ROOT)))
_SERVICE = "com.docker.compose.service"
_OURS = "label=com.docker.compose.project=stagecraft"
START_SECONDS = 60


def running() -> dict[str, int]:
    """Give the services that run as containers and their ports on this machine, none where no engine answers."""
    return {
        one["Service"]: next(
            (p["PublishedPort"] for p in one["Publishers"] or [] if p["TargetPort"] == CONTAINER_PORT), 0
        )
        for one in _containers()
    }


def developed() -> list[str]:
    """Name the services that run as containers in their development images."""
    return [one["Service"] for one in _containers() if one["Image"].endswith("-development")]


def _containers() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output(*_COMPOSE, "ps", "--format", "json") or "").splitlines()]


def up() -> None:
    """Start every service, or bring it up to date, and wait until all are healthy.

    Raises:
        Problem: One does not become healthy; the last lines of all are printed.
    """
    try:
        run(*_COMPOSE, "up", "--detach", "--remove-orphans", "--wait", "--wait-timeout", str(START_SECONDS))
    except Problem:
        run(*_COMPOSE, "logs", "--tail", "20")
        raise


def down() -> None:
    """Stop and remove the containers and their network."""
    run(*_COMPOSE, "down", "--remove-orphans")


def develop(override: dict[str, Any]) -> None:
    """Start services with other settings than compose.yaml's; the others stay as they are.

    Args:
        override: By service, what is laid over its settings.
    """
    write(override)
    renew(override)


def write(override: dict[str, Any]) -> None:
    """Have `renew` and `shell` use other settings than compose.yaml's."""
    _OVERRIDE.parent.mkdir(exist_ok=True)
    _OVERRIDE.write_text(yaml.safe_dump({"services": override}))


def renew(services: Iterable[str]) -> None:
    """Start services as `develop` last did, anew where their images have changed."""
    run(*_DEVELOPMENT, "up", "--detach", "--no-deps", *services)


def stop(services: Iterable[str]) -> None:
    """Stop and remove the containers of services, and with the last one the network."""
    if ours := sorted(set(services) & set(_kept().values())):
        run(*_COMPOSE, "rm", "--force", "--stop", *ours)
        if not _kept():
            down()


def shell(service: str, *, terminal: bool) -> None:
    """Open a shell in a service's development container, or in a new one that is removed afterwards."""
    options = () if terminal else ("-T",)
    if service in developed():
        run(*_DEVELOPMENT, "exec", *options, service, "bash")
    else:
        run(*_DEVELOPMENT, "run", "--rm", "--no-deps", *options, service, "bash")


def follow(services: Iterable[str], tail: str = "all") -> None:
    """Print the lines of services' containers, and of those that take their place, until there is none any more.

    Args:
        services: Their names.
        tail: How many of the lines that are there already.
    """
    wanted = set(services)
    seen = set()
    # `docker compose logs` ends, or hangs, when a container is replaced: which of them depends on its version
    since = time.time()
    for container, service in _kept().items():
        if service in wanted:
            seen.add(container)
            logs.follow(service, "docker", "logs", "--follow", "--tail", tail, container)
    service = f'{{{{index .Actor.Attributes "{_SERVICE}"}}}}'
    shown = f"{{{{.Action}}}} {{{{.Actor.ID}}}} {{{{.TimeNano}}}} {service} {{{{.Actor.Attributes.exitCode}}}}"
    kinds = ("type=container", "event=start", "event=die", "event=destroy")
    filters = [f"--filter={one}" for one in (_OURS, *kinds)]
    command = ["docker", "events", *filters, "--since", f"{since:.9f}", "--format", shown]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as events:
        try:
            while wanted & set(_kept().values()):
                assert events.stdout  # noqa: S101 - a pipe
                action, container, nanoseconds, service, *code = events.stdout.readline().split() or [""] * 4
                if action == "start" and service in wanted:
                    again = ("--since", f"{int(nanoseconds) / 1e9:.9f}") if container in seen else ()
                    seen.add(container)
                    logs.follow(service, "docker", "logs", "--follow", *again, container)
                elif action == "die" and service in wanted:
                    logs.show(service, f"its container ended with code {code[0]}")
        finally:
            events.terminate()


def _kept() -> dict[str, str]:
    """Give each container that there is, running or not, and its service."""
    shown = f'{{{{.ID}}}} {{{{.Label "{_SERVICE}"}}}}'
    found = output("docker", "ps", "--all", "--no-trunc", "--filter", _OURS, "--format", shown)
    return dict(line.split() for line in (found or "").splitlines())
