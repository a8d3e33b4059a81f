"""What this repository holds: its services, its versions, its commit."""

import os
import re
import shlex
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

# Where a service listens in its container.
CONTAINER_PORT = 8000
# Where debuggers attach by habit: the first service's, the others' being as far from it as their ports are apart.
DEBUG_PORT = 5678

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
    debug_port: int = DEBUG_PORT
    """Where a debugger attaches, here and in the container, with `make dev DEBUG=true`."""

    @property
    def debug_variable(self) -> str:
        """The environment variable that moves its debugger's port."""
        return _debug_variable(self.port_variable)

    @property
    def url(self) -> str:
        """Where it answers on this machine."""
        return f"http://localhost:{self.port}"


def service_names(root: Path = ROOT) -> list[str]:
    """Give the names of all services: the folders under services/ that are workspace members, sorted."""
    return sorted(path.parent.name for path in root.glob("services/*/pyproject.toml"))


def compiled(service: str, root: Path = ROOT) -> list[str]:
    """Give the modules of a service that are compiled where it ships: those of its package `compiled`."""
    paths = (root / "services" / service / "src" / service / "compiled").glob("*.py")
    return sorted(f"{service}.compiled.{path.stem}" for path in paths if path.name != "__init__.py")


def chosen(asked: list[str] | None) -> list[str]:
    """Give the names of the services that a person asks for, all where none is named.

    Raises:
        Problem: One is no service.
    """
    known = service_names()
    if unknown := [name for name in asked or [] if name not in known]:
        raise Problem(f"there is no service {' and no '.join(unknown)}", f"There are {', '.join(known)}.", Exit.USAGE)
    return asked or known


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
    debugger = port(_debug_variable(variable), debug_port(int(default)))
    return Service(name, variable, port(variable, int(default)), _environment(composed), debugger)


def debug_port(port: int) -> int:
    """Give where a debugger attaches to the service of a port, unless a variable says otherwise."""
    return port - CONTAINER_PORT + DEBUG_PORT


def _debug_variable(port_variable: str) -> str:
    return f"{port_variable.removesuffix('_PORT')}_DEBUG_PORT"


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
def stage_environment(stage: str) -> dict[str, str]:
    """Give the variables that a stage of the Dockerfile sets."""
    text = (ROOT / "Dockerfile").read_text().partition(f" AS {stage}\n")[2].partition("\nFROM ")[0]
    (words,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(words.replace("\\\n", "")))


@cache
def locked_version(package: str) -> str:
    """Give the version of a package that uv.lock pins."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (version,) = (entry["version"] for entry in locked if entry["name"] == package)
    return str(version)
