"""The Docker engine: find it, and where there is none, install and start it."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from stagecraft import apt
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.shell import output, run

# The oldest buildx that docker-bake.hcl is written for.
BUILDX = (0, 13)
# Debian's first release whose packages are new enough.
RELEASE = "trixie"
PACKAGES = ["docker.io", "docker-cli", "docker-buildx", "docker-compose"]
LOG = Path("/var/log/dockerd.log")
START_SECONDS = 30

BY_HAND = (
    "Install Docker Engine 24 or newer with buildx 0.13 or newer and compose 2.20 or newer, start it, and come back."
    " Or do without: `make up ENGINE=none` runs the services on this machine."
)


def version() -> str | None:
    """Give the version of the Docker engine that answers, None where none does."""
    return output("docker", "version", "--format", "{{.Server.Version}}", timeout=10) or None


def plugin_version(plugin: str) -> tuple[int, ...]:
    """Give the version of a docker command's plugin (buildx, compose) as numbers, () where it is missing."""
    found = re.search(r"v?(\d+(?:\.\d+)+)", output("docker", plugin, "version", timeout=10) or "")
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def ensure() -> None:
    """Have a Docker engine with buildx and compose: the one that answers, or one installed and started here.

    Raises:
        Problem: There is none and it can't be had here; the advice says what to install.
    """
    if _complete():
        return
    if os.environ.get("DOCKER_HOST"):
        raise Problem(
            f"no Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}",
            "Start that engine, or unset DOCKER_HOST.",
            Exit.MISSING,
        )
    if not shutil.which("dockerd") or plugin_version("buildx") < BUILDX or not plugin_version("compose"):
        _install()
    if version() is None:
        _start()


def lacking() -> list[str]:
    """Name what an engine for this repository lacks here, [] for nothing."""
    found = [] if version() else ["a Docker engine that answers"]
    if plugin_version("buildx") < BUILDX:
        found.append("buildx 0.13 or newer")
    if not plugin_version("compose"):
        found.append("compose")
    return found


def _complete() -> bool:
    return not lacking()


def _install() -> None:
    if not apt.usable():
        system = apt.system().get("PRETTY_NAME", os.uname().sysname)
        who = "root" if os.geteuid() == 0 else "not root"
        raise Problem(f"this machine lacks {' and '.join(lacking())} ({system}, {who})", BY_HAND, Exit.MISSING)
    apt.update()
    packages = [name for name in PACKAGES if apt.candidate(name)]
    origin = apt.system()["PRETTY_NAME"]
    if apt.candidate("docker-buildx") < BUILDX:
        if apt.system()["ID"] != "debian":
            raise Problem(f"{origin} has no buildx 0.13 or newer among its packages", BY_HAND, Exit.MISSING)
        origin, packages = f"Debian {RELEASE}, as {origin}'s are too old", PACKAGES
    elif not apt.candidate("docker-compose") and apt.candidate("docker-compose-v2"):
        packages = [*packages, "docker-compose-v2"]  # Ubuntu's name for it
    console.print(f"This machine lacks {' and '.join(lacking())}. Installing {' '.join(packages)} from {origin}.")
    with console.status("installing"):
        if "too old" in origin:
            apt.add_release(RELEASE, [*PACKAGES, "containerd"])
        apt.install(*packages, "iptables")


def _start() -> None:
    if os.geteuid() != 0:
        raise Problem(
            "a Docker engine is installed, but none answers",
            "Start it (`sudo systemctl start docker`), and be in the group docker or root.",
            Exit.MISSING,
        )
    if Path("/run/systemd/system").is_dir():
        run("systemctl", "start", "docker")
    else:
        console.print(f"No init system starts the Docker engine here: starting it by hand, its log is {LOG}.")
        with LOG.open("ab") as log:
            subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while version() is None:
        if time.monotonic() > deadline:
            raise Problem(f"the Docker engine does not answer after {START_SECONDS} s", f"See {LOG}.", Exit.MISSING)
        time.sleep(0.2)
