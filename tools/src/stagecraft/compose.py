"""The services as containers: deploy/compose.yaml."""

import json

from stagecraft.project import COMPOSE, ROOT
from stagecraft.shell import output, run

_COMPOSE = ("docker", "compose", "--file", str(COMPOSE.relative_to(ROOT)))
START_SECONDS = 60


def running() -> set[str]:
    """Name the services that run as containers, none where no engine answers."""
    lines = (output(*_COMPOSE, "ps", "--format", "json") or "").splitlines()
    return {json.loads(line)["Service"] for line in lines}


def up() -> None:
    """Start every service, or bring it up to date, and wait until all are healthy.

    Raises:
        Problem: One does not become healthy.
    """
    run(*_COMPOSE, "up", "--detach", "--remove-orphans", "--wait", "--wait-timeout", str(START_SECONDS))


def logs() -> None:
    """Print the last lines of every service's log."""
    run(*_COMPOSE, "logs", "--tail", "20")


def down() -> None:
    """Stop and remove the containers and their network."""
    run(*_COMPOSE, "down", "--remove-orphans")
