"""What this repository holds: its services, its versions, its commit."""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stagecraft.problem import Exit, Problem

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
    if missing := [name for name in service_names() if name not in composed]:
        raise Problem(
            f"{COMPOSE.relative_to(ROOT)} has no {' and no '.join(missing)}", "Add it, with a port.", Exit.USAGE
        )
    return [_service(name, composed[name]) for name in service_names()]


def _service(name: str, composed: dict[str, Any]) -> Service:
    (published,) = composed["ports"]
    variable, default = VARIABLE.findall(published)[0]
    given = os.environ.get(variable) or default
    if not given.isdecimal() or not 0 < int(given) < 2**16:
        raise Problem(f"{variable}={given} is no port", "Set it to a number from 1 to 65535.", Exit.USAGE)
    return Service(name, variable, int(given), dict(composed.get("environment", {})))


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
