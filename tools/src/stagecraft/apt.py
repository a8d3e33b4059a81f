"""Debian's and Ubuntu's packages: from where, which version, and how to install them."""

import os
import platform
import re
import shutil
from pathlib import Path

from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.shell import output, quiet

RELEASES = Path("/etc/apt/sources.list.d/stagecraft.sources")
PINS = Path("/etc/apt/preferences.d/stagecraft")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def system() -> dict[str, str]:
    """Give /etc/os-release's fields, empty where there is none."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def usable() -> bool:
    """Tell whether packages can be installed: Debian or Ubuntu, apt-get, and root."""
    return os.geteuid() == 0 and system().get("ID") in {"debian", "ubuntu"} and shutil.which("apt-get") is not None


def update() -> None:
    """Fetch the package lists."""
    quiet("apt-get", "update", "-qq")


def candidate(package: str) -> tuple[int, ...]:
    """Give the leading numbers of the version that would be installed, () for none: 0.13.1+ds1-3 is (0, 13, 1)."""
    policy = output("apt-cache", "policy", package) or ""
    found = re.search(r"Candidate: (?:\d+:)?(\d+(?:\.\d+)*)", policy)
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def mirrors(release: str) -> dict[str, list[str]]:
    """Give where this machine would get another release of Debian from: its own mirrors, by address, with the suites.

    Args:
        release: A release's code name, such as trixie.

    Returns:
        {} on a machine that is not Debian.
    """
    own = system().get("VERSION_CODENAME", "")
    found: dict[str, list[str]] = {}
    for line in (output("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Origin: Debian") or "").split(
        "\n"
    ):
        site, _, suite = line.partition(" ")
        name, dash, rest = suite.partition("-")
        if own and name == own and f"{release}{dash}{rest}" not in found.setdefault(site, []):
            found[site].append(f"{release}{dash}{rest}")
    return found


def add_release(release: str, packages: list[str]) -> None:
    """Make some packages, and no others, come from another release of Debian on this machine's own mirrors."""
    stanzas = [
        f"Types: deb\nURIs: {site}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {KEYRING}\n"
        for site, suites in mirrors(release).items()
    ]
    RELEASES.write_text("\n".join(stanzas))
    PINS.write_text(
        f"Package: *\nPin: release n={release}*\nPin-Priority: 100\n\n"
        f"Package: {' '.join(packages)}\nPin: release n={release}*\nPin-Priority: 600\n"
    )
    update()


def install(*packages: str) -> None:
    """Install packages without what they merely recommend, without a question, and never at the price of others."""
    options = ("--yes", "--no-install-recommends", "--no-remove")
    quiet("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *packages)


def ensure(program: str, *packages: str) -> None:
    """Have a program: the one that is here, or one installed.

    Args:
        program: What to look for on PATH.
        packages: Which packages bring it.

    Raises:
        Problem: It is missing, and packages can't be installed here.
    """
    if shutil.which(program):
        return
    if not usable():
        raise Problem(f"this machine lacks {program}", f"Install {' and '.join(packages)}.", Exit.MISSING)
    console.print(f"This machine lacks {program}. Installing {' '.join(packages)} from {system()['PRETTY_NAME']}.")
    update()
    install(*packages)
