"""The services as containers: deploy/compose.yaml."""

import json

from stagecraft.problem import Problem
from stagecraft.project import COMPOSE, ROOT
from stagecraft.shell import output, run

_COMPOSE = ("docker", "compose", "--file", str(COMPOSE.relative_to(ROOT)))
START_SECONDS = 60


def running() -> dict[str, int]:
    """Give the services that run as containers and their ports on this machine, none where no engine answers."""
    found = [json.loads(line) for line in (output(*_COMPOSE, "ps", "--format", "json") or "").splitlines()]
    return {one["Service"]: next((p["PublishedPort"] for p in one["Publishers"] or []), 0) for one in found}


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
