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
# What takes long to make and is the same for every clone.
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stagecraft"
COMPOSE = ROOT / "deploy" / "compose.yaml"
KIND = ROOT / "deploy" / "kind"
OVERLAYS = ROOT / "deploy" / "overlays"

# ${NAME:-default}, compose's own form
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True)
class Service:
    """A service: a folder under services/, and where it is published on this machine."""

    name: str
    port_variable: str
    """The environment variable that moves its port."""
    port: int
    """The port on this machine's loopback address."""
    environment: dict[str, str]
    """What compose.yaml sets for it, and what the file of settings does that it names."""

    @property
    def url(self) -> str:
        """Where it answers on this machine."""
        return f"http://localhost:{self.port}"


def service_names(root: Path = ROOT) -> list[str]:
    """Give the names of all services: the folders under services/ that are workspace members, sorted."""
    return sorted(path.parent.name for path in root.glob("services/*/pyproject.toml"))


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
    return Service(name, variable, port(variable, int(default)), _environment(composed))


def _environment(composed: dict[str, Any]) -> dict[str, str]:
    path = composed.get("env_file")
    lines = (COMPOSE.parent / path).read_text().splitlines() if path else []
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return settings | dict(composed.get("environment", {}))


def port(variable: str, default: int) -> int:
    """Give the port that a variable of this process names, or its default.

    Raises:
        Problem: It names none.
    """
    given = os.environ.get(variable) or str(default)
    if not given.isdecimal() or not 0 < int(given) < 2**16:
        raise Problem(f"{variable}={given} is no port", "Set it to a number from 1 to 65535.", Exit.USAGE)
    return int(given)


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
