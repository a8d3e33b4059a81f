"""What this repository holds: its services, its versions, its commit."""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache"
COMPOSE = ROOT / "deploy" / "compose.yaml"

# ${NAME:-default}, compose's own form
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True)
class Service:
    """A service: a folder under services/, published by deploy/compose.yaml."""

    name: str
    port_variable: str
    """The environment variable that moves its port."""
    port: int
    """The port on this machine's loopback address."""
    environment: dict[str, str]
    """What compose.yaml sets for it."""

    @property
    def url(self) -> str:
        """Where it answers on this machine."""
        return f"http://localhost:{self.port}"


def service_names() -> list[str]:
    """Give the names of all services: the folders under services/ that are workspace members, sorted."""
    return sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def services() -> list[Service]:
    """Give all services as compose.yaml publishes them, with this process's variables put in."""
    composed = yaml.safe_load(COMPOSE.read_text())["services"]
    return [_service(name, composed[name]) for name in service_names()]


def _service(name: str, composed: dict[str, Any]) -> Service:
    (published,) = composed["ports"]
    variable, default = VARIABLE.findall(published)[0]
    environment = dict(composed.get("environment", {}))
    return Service(name, variable, int(os.environ.get(variable) or default), environment)


@cache
def dockerfile_argument(name: str) -> str:
    """Give the default of one of the Dockerfile's ARGs."""
    found = re.search(rf"^ARG {name}=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(name)
    return found[1]


@cache
def locked_version(package: str) -> str:
    """Give the version of a package that uv.lock pins."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (version,) = (entry["version"] for entry in locked if entry["name"] == package)
    return str(version)
