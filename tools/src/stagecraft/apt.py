"""Debian's and Ubuntu's packages: from where, which version, and how to install them."""

import os
import platform
import re
import shutil
from pathlib import Path

from stagecraft.shell import output, quiet

RELEASES = Path("/etc/apt/sources.list.d/stagecraft.sources")
PINS = Path("/etc/apt/preferences.d/stagecraft")


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


def mirrors(codename: str) -> dict[str, list[str]]:
    """Give the mirrors that this machine is set to for a release of Debian: address to suites, {} where it has none."""
    found: dict[str, list[str]] = {}
    for line in (output("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Origin: Debian") or "").split(
        "\n"
    ):
        site, _, suite = line.partition(" ")
        if suite.split("-")[0] == codename and suite not in found.setdefault(site, []):
            found[site].append(suite)
    return found


def add_release(codename: str, packages: list[str]) -> None:
    """Make some packages, and no others, come from another release of Debian on this machine's own mirrors."""
    own = system()["VERSION_CODENAME"]
    stanzas = [
        f"Types: deb\nURIs: {site}\nSuites: {' '.join(suites).replace(own, codename)}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        for site, suites in mirrors(own).items()
    ]
    RELEASES.write_text("\n".join(stanzas))
    PINS.write_text(
        f"Package: *\nPin: release n={codename}*\nPin-Priority: 100\n\n"
        f"Package: {' '.join(packages)}\nPin: release n={codename}*\nPin-Priority: 600\n"
    )
    update()


def install(*packages: str) -> None:
    """Install packages without what they merely recommend, and without a question."""
    quiet("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends", *packages)
