"""The image of a kind node: given, present, pulled, or built here as a stand-in."""

import hashlib
import os
from pathlib import Path

from stagecraft import apt, go
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import KIND, USER_CACHE
from stagecraft.python_image import present, pullable
from stagecraft.shell import output, run

# kind's own for the version that deploy/kind/go.mod pins.
DEFAULT = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
SOURCE = KIND / "node-image"
REPOSITORY = "stagecraft/kind-node"
# What build.sh runs, and which packages have it; libseccomp's headers are no program.
PROGRAMS = {"mmdebstrap": "mmdebstrap", "gcc": "gcc", "pkg-config": "pkg-config", "jq": "jq"}
HEADERS = ("/usr/include/seccomp.h", "libseccomp-dev", "libc6-dev")
MINUTES = 12
FREE_GB = 20


def key() -> str:
    """Give what tells a stand-in built from other files or another kind apart: twelve hexadecimal digits."""
    files = [KIND / "go.mod", *sorted(path for path in SOURCE.rglob("*") if path.is_file())]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(KIND)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def stand_in() -> str:
    """Give the name of the stand-in that these files make."""
    return f"{REPOSITORY}:{key()}"


def stand_ins() -> list[str]:
    """Name the stand-ins that the engine has, of whatever files."""
    listed = output("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY)
    return sorted((listed or "").split())


def folder() -> Path:
    """Give where the parts of the stand-in are kept, outside the repository: so a clone finds what another made."""
    return USER_CACHE / "node-image" / key()


def chosen() -> str | None:
    """Give the image that is used without any pulling or building, None where there is none yet."""
    return os.environ.get("KIND_IMAGE") or next(filter(present, (DEFAULT, stand_in())), None)


def ensure() -> str:
    """Have a node image: KIND_IMAGE, one that is present, kind's own pulled, or a stand-in built here.

    Returns:
        Its name.

    Raises:
        Problem: None is to be had; the advice says how to bring one.
    """
    if image := chosen():
        if not present(image):
            run("docker", "pull", image)
        return image
    if pullable(DEFAULT):
        run("docker", "pull", DEFAULT)
        return DEFAULT
    build()
    return stand_in()


def build() -> None:
    """Build the stand-in, or go on with a build that was stopped.

    Raises:
        Problem: The machine can't, or a step failed.
    """
    if not apt.usable():
        raise Problem(
            f"no registry answers for {DEFAULT.partition('@')[0]}, and a stand-in is built only by root on Debian",
            "Set KIND_IMAGE to a node image that you can pull, or bring one on another way: `docker load`.",
            Exit.MISSING,
        )
    for program, package in PROGRAMS.items():
        apt.ensure(program, package)
    header, *packages = HEADERS
    if not Path(header).exists():
        console.print(f"This machine lacks {header}. Installing {' '.join(packages)}.")
        apt.update()
        apt.install(*packages)
    console.print(
        f"No registry answers for {DEFAULT.partition('@')[0]}: building a stand-in from Go modules and Debian packages,"
        f" once, in up to {MINUTES} minutes on 2 cores. Its parts stay in {folder()}; `make clean` removes the image."
    )
    folder().mkdir(parents=True, exist_ok=True)
    run(*go.command(), str(SOURCE / "build.sh"), stand_in(), str(folder()))
