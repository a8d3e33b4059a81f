"""A second machine gets the bundle and no network: it comes up all the same, and a tampered bundle does not."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft.project import ROOT
from stagecraft.shell import quiet

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Machine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="bundle", scope="module")
def _bundle(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the bundle in a clone of what is committed, and unpack it elsewhere."""
    folder = tmp_path_factory.mktemp("bundle")
    clone = folder / "clone"
    run("git", "clone", "--quiet", str(ROOT), str(clone))
    run("make", "bundle", cwd=clone, env={"VIRTUAL_ENV": ""})
    (made,) = (clone / "dist").glob("*.tar")
    run("tar", "-xf", str(made), "-C", str(folder))
    made.unlink()
    return folder / made.stem


@pytest.fixture(name="second_machine")
def _second_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Have a network of its own with nothing but itself in it, and an engine there that has no image."""
    folder = tmp_path_factory.mktemp("machine")
    home = folder / "home"
    home.mkdir()
    engine = f"unix://{folder}/docker.sock"
    daemon = (
        f"ip link set lo up && exec dockerd --host {engine} --data-root {folder}/data --exec-root {folder}/exec"
        f" --pidfile {folder}/pid"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["unshare", "--net", "sh", "-c", daemon], stdout=log, stderr=log)
    # what has been set here is not known there
    there = ["nsenter", "--net", "--target", str(process.pid), "env", "--ignore-environment", f"HOME={home}"]
    there += [f"PATH={PATH}", f"DOCKER_HOST={engine}"]

    def machine(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*there, *command], check=False, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    waited = "until docker version >/dev/null 2>&1; do kill -0 $0 || exit 1; sleep 0.2; done"
    assert machine("sh", "-c", waited, str(process.pid), cwd=folder).returncode == 0, (folder / "log").read_text()
    yield machine
    process.terminate()
    process.wait(timeout=60)


def test_it_comes_up_without_a_network(bundle: Path, second_machine: Machine) -> None:
    """One command, with nothing to reach but itself: every endpoint is curled there."""
    outside = second_machine("python3", "-c", "import socket; socket.create_connection(('1.1.1.1', 53), 2)", cwd=bundle)
    assert "Network is unreachable" in outside.stdout
    assert not second_machine("docker", "images", "--quiet", cwd=bundle).stdout

    done = second_machine("make", "load", "kind", cwd=bundle)
    try:
        assert done.returncode == 0, done.stdout[-5000:]
        assert "smoke cases passed" in done.stdout
        assert "building" not in done.stdout.lower()
    finally:
        second_machine("make", "kind-down", cwd=bundle)


def test_a_tampered_bundle_is_refused(bundle: Path) -> None:
    """One byte of one image, and nothing of it is loaded."""
    images = bundle / ".bundle" / "images.tar"
    size = images.stat().st_size
    with images.open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)
        file.seek(size // 2)
        file.write(bytes([byte[0] ^ 1]))
    before = set(quiet("docker", "images", "--quiet").split())

    done = subprocess.run(
        ["make", "load"], check=False, cwd=bundle, env=os.environ | {"PATH": PATH}, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert "images.tar: FAILED" in done.stdout
    assert "not as it was made: nothing was loaded" in done.stderr
    assert set(quiet("docker", "images", "--quiet").split()) == before
