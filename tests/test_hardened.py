"""What a hardened image lacks, and what it shares with production."""

import subprocess
import tarfile
from pathlib import PurePosixPath
from typing import Any

import pytest

from stagecraft.project import service_names

WHOLE_MB = 65

pytestmark = pytest.mark.parametrize("service", service_names())


@pytest.fixture
def image(images: dict[str, str], service: str) -> str:
    """Give the service's hardened image."""
    return images[f"{service}-hardened"]


@pytest.fixture(name="archive")
def _archive(image: str, run: Any) -> Any:
    """Open an image's files as one archive."""
    made = run("docker", "create", image).stdout.strip()
    with subprocess.Popen(["docker", "export", made], stdout=subprocess.PIPE) as export:
        assert export.stdout
        with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
            yield archive
    run("docker", "rm", made)


def test_python_is_the_only_program(archive: tarfile.TarFile, run: Any, image: str) -> None:
    """No shell, no package manager, no tool: nothing but Python and what its environment starts."""
    programs = {
        entry.name
        for entry in archive
        if entry.isfile() and PurePosixPath(entry.name).parent.name in {"bin", "sbin", "libexec"}
    }

    assert {name for name in programs if not name.startswith("app/.venv/bin/")} == {
        name for name in programs if PurePosixPath(name).name.startswith("python3.")
    }
    assert "executable file not found" in run("docker", "run", "--rm", image, "sh", code=127).stdout


def test_it_is_production_on_less(image: str, images: dict[str, str], service: str, inspect: Any) -> None:
    """The same configuration and the same layers with the service; only what they stand on differs."""
    hardened, production = inspect(image), inspect(images[f"{service}-production"])

    assert hardened["Config"] == production["Config"]
    assert hardened["RootFS"]["Layers"][1:] == production["RootFS"]["Layers"][1:]
    assert hardened["RootFS"]["Layers"][0] != production["RootFS"]["Layers"][0]
    assert hardened["Size"] <= WHOLE_MB * 1e6


def test_a_scanner_can_tell_its_packages(archive: tarfile.TarFile) -> None:
    """The release, and of dpkg's status the packages that a file is from, and those alone."""
    wanted = {"etc/os-release", "usr/lib/os-release", "var/lib/dpkg/status"}
    status = ""
    for entry in archive:
        if entry.name in wanted:
            wanted.remove(entry.name)
            if entry.name == "var/lib/dpkg/status":
                file = archive.extractfile(entry)
                assert file
                status = file.read().decode()
    packages = {line.removeprefix("Package: ") for line in status.splitlines() if line.startswith("Package: ")}

    assert not wanted
    assert {"libc6", "libssl3t64"} <= packages or {"libc6", "libssl3"} <= packages
    assert not {"apt", "bash", "coreutils", "dash", "dpkg", "perl-base"} & packages
