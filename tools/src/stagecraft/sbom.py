"""A bill of what an image holds, in CycloneDX: uv.lock's account of it with hashes, kept to what is really there."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from stagecraft import bake
from stagecraft.inspection import archive, report
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT
from stagecraft.python_image import present
from stagecraft.shell import quiet

FOLDER = ROOT / "dist" / "sbom"


@dataclass(frozen=True)
class Installed:
    """A Python distribution of an image."""

    version: str
    tags: set[str]
    """Those of the wheel that it is from: cp314-cp314-manylinux_2_28_x86_64."""


def write(group: str, folder: Path = FOLDER) -> list[Path]:
    """Write the bill of every service's image.

    Args:
        group: Bake's group that has built them.
        folder: Where to.

    Returns:
        The paths: echo.cdx.json.

    Raises:
        Problem: An image is not built, or holds what uv.lock does not know.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for service, image in bake.images(group).items():
        written.append(path(service, folder))
        written[-1].write_text(json.dumps(bill(service, image), indent=2) + "\n")
    return written


def path(service: str, folder: Path = FOLDER) -> Path:
    """Give where the bill of a service's image is."""
    return folder / f"{service}.cdx.json"


def bill(service: str, image: str) -> dict[str, Any]:
    """Give the bill of a service's image: the same for the same image, whenever it is asked for.

    Raises:
        Problem: The image is not built, or holds what uv.lock does not know.
    """
    held, locked = _read(image), _locked(service)
    own = locked["metadata"]["component"] | {"type": "application"}
    python = [*_python(held, [own, *locked["components"]])]
    system = [_interpreter(image), *_debian(held)]
    refs = {component["bom-ref"] for component in python}
    needed = [
        {"ref": entry["ref"], "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in refs]}
        for entry in locked["dependencies"]
        if entry["ref"] in refs
    ]
    name, _, version = image.rpartition(":")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": locked["bomFormat"],
        "specVersion": locked["specVersion"],
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, held.id)}",
        "version": 1,
        "metadata": {
            "timestamp": held.config["created"],
            "tools": locked["metadata"]["tools"],
            "component": {
                "type": "container",
                "bom-ref": held.id,
                "name": name,
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": held.id.removeprefix("sha256:")}],
            },
        },
        "components": [*python, *system],
        "dependencies": [
            {"ref": held.id, "dependsOn": [own["bom-ref"], *(component["bom-ref"] for component in system)]},
            *needed,
        ],
    }


def _read(image: str) -> archive.Archive:
    if not present(image):
        raise Problem(f"the engine has no image {image}", "`make build` builds it.", Exit.MISSING)
    return archive.of(image)


def _locked(service: str) -> dict[str, Any]:
    """Give what uv.lock says that a service may need, on any platform."""
    words = ("--frozen", "--quiet", "--no-default-groups", "--package", service)
    exported: dict[str, Any] = json.loads(
        quiet("uv", "export", *words, "--format", "cyclonedx1.5", "--preview-features", "sbom-export")
    )
    return exported


def _python(held: archive.Archive, locked: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give a component for each Python distribution of an image."""
    installed = _installed(held)
    for component in locked:
        found = installed.pop(canonicalize_name(component["name"]), None)
        if found and found.version != component["version"]:
            installed[component["name"]] = found
        elif found:
            yield component | _wheel(component, found)
    if installed:
        names = ", ".join(f"{name} {one.version}" for name, one in installed.items())
        raise Problem(f"the image holds what uv.lock does not: {names}", "It is of another commit: `make build` first.")


def _installed(held: archive.Archive) -> dict[str, Installed]:
    """Give the Python distributions of an image by name, from the files that their installer left."""
    found = {}
    for path, text in held.texts.items():
        if path.endswith(".dist-info/METADATA"):
            metadata = HeaderParser().parsestr(text)
            wheel = HeaderParser().parsestr(held.texts[path.replace("METADATA", "WHEEL")])
            found[str(canonicalize_name(metadata["Name"]))] = Installed(
                metadata["Version"], set(wheel.get_all("Tag", []))
            )
    return found


def _wheel(component: dict[str, Any], installed: Installed) -> dict[str, Any]:
    """Give the one file of a locked component that was installed, with its hash; nothing of what is built here."""
    tags = frozenset(tag for text in installed.tags for tag in parse_tag(text))
    for reference in component.get("externalReferences", []):
        name = unquote(reference["url"].rpartition("/")[2])
        if name.endswith(".whl") and parse_wheel_filename(name)[3] & tags:
            return {"hashes": reference["hashes"], "externalReferences": [reference]}
    return {}


def _interpreter(image: str) -> dict[str, Any]:
    """Give a component for Python, which is of no package in python's own image."""
    asked = "import platform; print(platform.python_version())"
    version = quiet("docker", "run", "--rm", "--network", "none", image, "python", "-c", asked)
    return {
        "type": "platform",
        "bom-ref": f"python@{version}",
        "name": "python",
        "version": version,
        "purl": f"pkg:generic/python@{quote(version)}",
    }


def _debian(held: archive.Archive) -> Iterator[dict[str, Any]]:
    """Give a component for each Debian package of an image, and one for its release."""
    release = dict(line.split("=", 1) for line in held.texts["usr/lib/os-release"].splitlines() if "=" in line)
    # a release to come has no number yet
    number = release.get("VERSION_ID", release["VERSION_CODENAME"]).strip('"')
    yield {"type": "operating-system", "bom-ref": f"debian@{number}", "name": "debian", "version": number}
    for fields in report.dpkg(held):
        name, version = fields["Package"], fields["Version"]
        of = f"arch={fields['Architecture']}&distro=debian-{number}"
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?{of}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
