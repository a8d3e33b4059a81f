"""The Docker engine: find it, and where there is none, install and start it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from stagecraft import apt
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.shell import output, quiet

# What this repository needs, and from which version on: --start-interval of HEALTHCHECK, docker-bake.hcl, `ps` as JSON.
NEEDED = {"Docker Engine": (25,), "buildx": (0, 13), "compose": (2, 21)}
# Which packages have it, the first that is new enough; Ubuntu calls compose docker-compose-v2.
PACKAGES = {
    "Docker Engine": ["docker.io"],
    "buildx": ["docker-buildx"],
    "compose": ["docker-compose-v2", "docker-compose"],
}
# Debian's first release whose packages are all new enough.
RELEASE = "trixie"
LOG = Path("/var/log/dockerd.log")
SOCKET = Path("/var/run/docker.sock")
START_SECONDS = 30
# Where dpkg and the engine look for their programs, and a root shell of `su` without `-` does not.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def version() -> str | None:
    """Give the version of the Docker engine that answers, None where none does."""
    return output("docker", "version", "--format", "{{.Server.Version}}", timeout=10) or None


def versions() -> dict[str, tuple[int, ...]]:
    """Give the version of each thing in NEEDED as numbers, () where it is missing."""
    return {
        "Docker Engine": _numbers(version()),
        "buildx": _numbers(output("docker", "buildx", "version", timeout=10)),
        "compose": _numbers(output("docker", "compose", "version", timeout=10)),
    }


def _numbers(text: str | None) -> tuple[int, ...]:
    found = re.search(r"v?(\d+(?:\.\d+)+)", text or "")
    return tuple(map(int, found[1].split("."))) if found else ()


def dotted(numbers: tuple[int, ...]) -> str:
    """Give a version as people write it: (0, 13) is 0.13."""
    return ".".join(map(str, numbers))


def wanted(name: str) -> str:
    """Give one of NEEDED with its version in words."""
    return f"{name} {dotted(NEEDED[name])} or newer"


def lacking() -> list[str]:
    """Name what of NEEDED is missing or too old here, [] for nothing."""
    found = versions()
    return [name for name, least in NEEDED.items() if found[name] < least]


def by_hand() -> str:
    """Say what a person can do where nothing can be installed."""
    what = ", ".join(map(wanted, NEEDED))
    return f"Install {what}, start it and run this again; or run the services without it: `make up ENGINE=none`."


def ensure() -> None:
    """Have a Docker engine with buildx and compose: the one that answers, or one installed and started here.

    Raises:
        Problem: There is none and it can't be had here; the advice says what to install.
    """
    missing = lacking()
    if not missing:
        return
    if host := os.environ.get("DOCKER_HOST"):
        raise Problem(
            f"DOCKER_HOST={host}: there is no {' and no '.join(map(wanted, missing))}",
            f"Start that engine, or unset DOCKER_HOST. {by_hand()}",
            Exit.MISSING,
        )
    os.environ["PATH"] += f"{os.pathsep}{SBIN}"
    # an engine that is installed may only have to be started
    installed = shutil.which("dockerd") or SOCKET.exists()
    if missing := [name for name in missing if name != "Docker Engine" or not installed]:
        _install(missing)
    if version() is None:
        _start()
    if missing := lacking():
        raise Problem(f"this machine still lacks {' and '.join(map(wanted, missing))}", by_hand(), Exit.MISSING)


def choose(missing: list[str], candidate: Callable[[str], tuple[int, ...]]) -> list[str] | None:
    """Choose the packages for what is missing.

    Args:
        missing: Names of NEEDED.
        candidate: Gives the version of a package that would be installed, () for none.

    Returns:
        The packages, None where one is too old or missing.
    """
    chosen = []
    for name in missing:
        new_enough = [package for package in PACKAGES[name] if candidate(package) >= NEEDED[name]]
        if not new_enough:
            return None
        chosen.append(new_enough[0])
    # a package of its own since trixie, which docker.io merely recommends
    return [*chosen, "docker-cli"] if "docker.io" in chosen and candidate("docker-cli") else chosen


def _install(missing: list[str]) -> None:
    what = " and ".join(map(wanted, missing))
    if not apt.usable():
        system = apt.system().get("PRETTY_NAME", os.uname().sysname)
        who = "root" if os.geteuid() == 0 else "not root"
        raise Problem(f"this machine lacks {what} ({system}, {who})", by_hand(), Exit.MISSING)
    origin = apt.system()["PRETTY_NAME"]
    console.print(f"This machine lacks {what}.")
    apt.update()
    packages = choose(missing, apt.candidate)
    if packages is None:
        if apt.system()["ID"] != "debian":
            raise Problem(f"{origin} has no {what} among its packages", by_hand(), Exit.MISSING)
        console.print(f"{origin}'s packages are too old: taking Debian {RELEASE}'s, by a pin in {apt.PINS}.")
        apt.add_release(
            RELEASE, [package for names in PACKAGES.values() for package in names] + ["docker-cli", "containerd"]
        )
        packages, origin = choose(missing, apt.candidate) or [], f"Debian {RELEASE}"
    console.print(f"Installing {' '.join(packages)} from {origin}.")
    with console.status("installing"):
        apt.install(*packages, "iptables")


def _start() -> None:
    if os.geteuid() != 0:
        raise Problem(
            "a Docker engine is installed, but does not answer this user",
            "Start it (`sudo systemctl start docker`), and be in the group docker or root."
            " Or do without: `make up ENGINE=none`.",
            Exit.MISSING,
        )
    daemon = None
    if Path("/run/systemd/system").is_dir():
        quiet("systemctl", "start", "docker")
    else:
        console.print(f"No init system starts the Docker engine here: starting it by hand, its log is {LOG}.")
        with LOG.open("wb") as log:
            daemon = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    deadline = time.monotonic() + START_SECONDS
    while version() is None:
        if (daemon and daemon.poll() is not None) or time.monotonic() > deadline:
            words = (
                "".join(LOG.read_text().splitlines(keepends=True)[-10:]) if daemon else "See `journalctl -u docker`."
            )
            raise Problem("the Docker engine does not start", words, Exit.MISSING)
        time.sleep(0.2)
