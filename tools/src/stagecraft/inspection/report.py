"""What there is to say of an image, as data: the terminal, the page and the JSON show the same."""

import csv
import posixpath
import re
import shlex
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib.util import source_from_cache
from typing import Any

from stagecraft.inspection.archive import Archive, Hidden, Layer
from stagecraft.inspection.scans import Scan

# The first pattern that a path has says of what kind it is.
KINDS = {
    "bytecode": r"\.pyc$",
    "interpreter": r"(^|/)bin/python[\d.]*$|/libpython[\d.]+\.so",
    "shared objects": r"\.so(\.\d+)*$",
    "code of Python packages": r"/(site|dist)-packages/",
    "standard library": r"(^|/)lib/python[\d.]+/",
    "locales and character sets": r"^usr/(share/(locale|i18n)|lib/locale)/",
    "documents": r"^usr/share/(doc|doc-base|info|man|bug|lintian)/",
    "time zones": r"^usr/share/zoneinfo/",
    "certificates": r"^(etc/ssl|usr/(local/)?share/ca-certificates)/",
    "package manager's records": r"^var/(lib|cache)/(apt|dpkg|debconf)/",
    "other programs": r"(^|/)s?bin/",
}
OTHER = "other files"
SHELLS = {"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "zsh"}
PACKAGE_MANAGERS = {
    "apk", "apt", "apt-get", "conda", "dnf", "dpkg", "easy_install", "gem", "microdnf", "npm", "pip",
    "pipx", "poetry", "rpm", "uv", "uvx", "yarn", "yum",
}  # fmt: skip


@dataclass(frozen=True)
class Package:
    """A Python distribution or a Debian package."""

    name: str
    version: str
    size: int
    """In bytes: of its files that are there, and of the bytecode made of them."""


@dataclass(frozen=True)
class Found:
    """A path worth a look."""

    path: str
    why: str
    layer: int


@dataclass(frozen=True)
class Report:
    """What is in an image."""

    image: str
    id: str
    created: str
    platform: str
    size: int
    """In bytes: of all layers."""
    files: int
    """In bytes: of the file system, without what a later layer overwrote or removed."""
    layers: list[Layer]
    hidden: list[Hidden]
    """The largest first."""
    kinds: dict[str, int]
    """Bytes of the file system by kind of file."""
    python: list[Package]
    debian: list[Package]
    unpackaged: int
    """Bytes of the file system that are of no package."""
    settings: dict[str, list[str]]
    """How a container of it runs."""
    found: dict[str, list[Found]]
    """What one would rather not have in an image."""
    scans: list[Scan]


def report(image: str, archive: Archive, scans: list[Scan]) -> Report:
    """Say what is in an image.

    Args:
        image: Its name.
        archive: What `docker save` wrote of it.
        scans: What the scanners said of it.
    """
    sizes = {path: entry.size for path, entry in archive.entries.items()}
    kinds: Counter[str] = Counter()
    for path, size in sizes.items():
        kinds[_kind(path)] += size
    seen: set[str] = set()
    python, debian = (_packages(archive, owned, seen) for owned in (_distributions(archive), _debian(archive)))
    config = archive.config
    return Report(
        image=image,
        id=archive.id,
        created=config.get("created", "unknown"),
        platform=f"{config['os']}/{config['architecture']}",
        size=sum(layer.size for layer in archive.layers),
        files=sum(sizes.values()),
        layers=archive.layers,
        hidden=sorted(archive.hidden, key=lambda hidden: -hidden.size),
        kinds=dict(kinds.most_common()),
        python=python,
        debian=debian,
        unpackaged=sum(sizes.values()) - sum(package.size for package in [*python, *debian]),
        settings=_settings(config.get("config") or {}),
        found=_found(archive),
        scans=scans,
    )


def _kind(path: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, path)), OTHER)


Owned = Iterator[tuple[str, str, list[str]]]


def _distributions(archive: Archive) -> Owned:
    """Give each Python distribution's name, version and paths."""
    for path, text in archive.texts.items():
        folder, name = posixpath.split(path)
        if name == "METADATA":
            headers = HeaderParser().parsestr(text)
            record = archive.texts.get(f"{folder}/RECORD", "")
            site = posixpath.dirname(folder)
            paths = [posixpath.normpath(posixpath.join(site, row[0])) for row in csv.reader(record.splitlines()) if row]
            yield headers["Name"], headers["Version"], paths


def dpkg(archive: Archive) -> Iterator[Message]:
    """Give the fields that dpkg keeps of each Debian package."""
    for paragraph in archive.texts.get("var/lib/dpkg/status", "").split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        if str(fields["Status"]).endswith(" installed"):
            yield fields


def _debian(archive: Archive) -> Owned:
    """Give each Debian package's name, version and paths."""
    info = "var/lib/dpkg/info"
    for fields in dpkg(archive):
        name = fields["Package"]
        lists = (f"{info}/{name}.list", f"{info}/{name}:{fields['Architecture']}.list")
        lines = "".join(archive.texts.get(path, "") for path in lists).splitlines()
        # /lib is a link to /usr/lib, but a package may still say /lib
        paths = [path if path in archive.entries else f"usr{line}" for line in lines if (path := line.strip("/"))]
        yield name, fields["Version"], paths


def _packages(archive: Archive, owned: Owned, seen: set[str]) -> list[Package]:
    """Give packages by their size, largest first: each file, with bytecode made of it, is its first owner's."""
    bytecode: Counter[str] = Counter()
    for path, entry in archive.entries.items():
        if path.endswith(".pyc"):
            bytecode[source(path)] += entry.size
    packages = []
    for name, version, paths in owned:
        own = {path for path in paths if not path.endswith(".pyc")} - seen
        seen |= own
        size = sum(archive.entries[path].size for path in own if path in archive.entries)
        packages.append(Package(name, version, size + sum(bytecode[path] for path in own)))
    return sorted(packages, key=lambda package: (-package.size, package.name))


def source(bytecode: str) -> str:
    """Give the path of what bytecode was made of."""
    try:
        return source_from_cache(bytecode)
    except ValueError:
        # beside its source, or in its place
        return bytecode.removesuffix("c")


def _settings(config: dict[str, Any]) -> dict[str, list[str]]:
    check = config.get("Healthcheck") or {}
    command = check.get("Test") or []
    times = {
        "Interval": "every",
        "Timeout": "timeout",
        "StartPeriod": "start period",
        "StartInterval": "meanwhile every",
    }
    seconds = [f"{text} {check[name] / 1e9:g} s" for name, text in times.items() if name in check]
    return {
        "user": [config.get("User") or "root, as none is set"],
        "working directory": [config.get("WorkingDir") or "/"],
        "entry point": [shlex.join(words)] if (words := config.get("Entrypoint")) else [],
        "command": [shlex.join(words)] if (words := config.get("Cmd")) else [],
        "environment": config.get("Env") or [],
        "ports": sorted(config.get("ExposedPorts") or {}),
        "volumes": sorted(config.get("Volumes") or {}),
        "health check": [shlex.join(command[1:]), ", ".join(seconds)] if len(command) > 1 else [],
        "labels": [f"{name}={value}" for name, value in sorted((config.get("Labels") or {}).items())],
    }


def _found(archive: Archive) -> dict[str, list[Found]]:
    titles = ("privileged files", "writable by anyone", "shells", "package managers")
    found: dict[str, list[Found]] = {title: [] for title in titles}
    for path, entry in sorted(archive.entries.items()):
        folder, name = posixpath.split(path)
        program = posixpath.basename(folder) in {"bin", "sbin"} and entry.type != "directory"
        bits = {"setuid": entry.mode & stat.S_ISUID, "setgid": entry.mode & stat.S_ISGID}
        privileges = [*(bit for bit, is_set in bits.items() if is_set), *["capabilities"] * entry.capabilities]
        if privileges and entry.type == "file":
            found["privileged files"].append(Found(f"/{path}", ", ".join(privileges), entry.layer))
        if entry.mode & stat.S_IWOTH and entry.type != "other":
            sticky = ", sticky" if entry.mode & stat.S_ISVTX else ""
            found["writable by anyone"].append(Found(f"/{path}", f"{entry.type}{sticky}", entry.layer))
        if program and name in SHELLS:
            found["shells"].append(Found(f"/{path}", name, entry.layer))
        if program and re.sub(r"[\d.]+$", "", name) in PACKAGE_MANAGERS:
            found["package managers"].append(Found(f"/{path}", name, entry.layer))
    return found
