"""Images for another platform than that which builds, with no step run on it."""

import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from stagecraft import apt, bake, ca, python_image
from stagecraft.project import ROOT

MACHINES = {"amd64": "EM_X86_64", "arm64": "EM_AARCH64"}
PACKAGES = "base-files,base-passwd,ca-certificates,libc-bin,libstdc++6"
# What packages would do when they are configured, which this machine can't run.
CONFIGURED = (
    'cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"',
    'cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"',
    'mkdir -p "$1/usr/local/bin"',
)

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="pythons", scope="module")
def _pythons(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give a Python image of each platform: this machine's, and one of Debian's packages for the other, unpacked."""
    version = python_image.selected()
    release = python_image.RELEASES[version]
    apt.ensure("mmdebstrap", "mmdebstrap", "debian-archive-keyring")
    native = run("docker", "version", "--format", "{{.Server.Arch}}").stdout.strip()
    (foreign,) = set(MACHINES) - {native}
    archive = tmp_path_factory.mktemp("foreign") / "python.tar"
    links = [f'ln -s /usr/bin/python{version} "$1/usr/local/bin/{name}"' for name in ("python", "python3")]
    bundle = f'cp "{ca.bundle()}" "$1{ca.DEBIAN}"'
    mirrors = [f"deb {site} {suite} main" for site, suites in apt.mirrors(release).items() for suite in suites]
    run(
        "mmdebstrap", "--quiet", "--variant=extract", f"--architectures={foreign}",
        '--aptopt=Acquire::Check-Valid-Until "false"', f"--include={PACKAGES},python{version}",
        *(f"--extract-hook={hook}" for hook in (*CONFIGURED, *links, bundle)), release, str(archive), *mirrors,
    )  # fmt: skip
    name = f"stagecraft/python-{foreign}:test"
    run("docker", "import", "--platform", f"linux/{foreign}", str(archive), name)
    yield {native: python_image.name(version), foreign: name}
    run("docker", "rmi", name)


@pytest.mark.parametrize("rootfs", ["debian", "hardened"])
@pytest.mark.parametrize("architecture", MACHINES)
def test_every_compiled_file_is_of_the_platform(
    *, pythons: dict[str, str], architecture: str, rootfs: str, tmp_path: Path
) -> None:
    """The interpreter, its libraries and what wheels bring: all of the platform that is built for."""
    secret = ["--secret", f"id=ca,src={bundle}"] if (bundle := bake.variables().get("SSL_CERT_FILE")) else []
    archive = tmp_path / "image.tar"
    built = subprocess.run(
        ["docker", "buildx", "build", "--platform", f"linux/{architecture}", "--build-arg", f"ROOTFS={rootfs}",
         "--build-context", f"python=docker-image://{pythons[architecture]}", *secret,
         "--output", f"type=tar,dest={archive}", "."],
        check=False, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout

    machines = dict(compiled(archive))

    assert set(machines.values()) == {MACHINES[architecture]}
    assert any("pydantic_core" in name for name in machines)
    assert any(Path(name).name.startswith("python3.") for name in machines)
    assert any("/ld-linux" in name for name in machines)


def compiled(archive: Path) -> Iterator[tuple[str, str]]:
    """Give each ELF file of an archive and the machine that it is for."""
    with tarfile.open(archive) as files:
        for entry in files:
            file = files.extractfile(entry) if entry.isfile() else None
            if file and file.read(4) == b"\x7fELF":
                file.seek(0)
                yield entry.name, ELFFile(BytesIO(file.read()))["e_machine"]
