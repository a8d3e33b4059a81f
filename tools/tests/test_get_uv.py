"""uv is fetched as uv.lock pins it, or not at all."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from stagecraft.project import ROOT, locked_version

SCRIPT = ROOT / "tools" / "get_uv.py"


def get_uv(folder: Path, lock: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder with a lock."""
    (folder / "uv.lock").write_text(lock)
    command = [sys.executable, str(SCRIPT), str(folder / "bin")]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, env=env or None)


def test_the_pinned_version_is_fetched(tmp_path: Path) -> None:
    """What is left in the folder runs, and is of the version in the lock."""
    done = get_uv(tmp_path, (ROOT / "uv.lock").read_text())

    assert done.returncode == 0, done.stderr
    version = subprocess.run([tmp_path / "bin" / "uv", "--version"], check=True, capture_output=True, text=True).stdout
    assert version.split()[1] == locked_version("uv")


def test_another_content_is_refused(tmp_path: Path) -> None:
    """A wheel whose hash is not the locked one is not unpacked."""
    lock = (ROOT / "uv.lock").read_text()
    (before, found, after) = lock.partition('name = "uv"\n')
    done = get_uv(tmp_path, before + found + after.replace("sha256:", "sha256:0", 40))

    assert done.returncode == 1
    assert "is not what uv.lock says" in done.stderr
    assert not (tmp_path / "bin" / "uv").exists()


def test_no_network_is_a_message(tmp_path: Path) -> None:
    """Where nothing answers it says what to set, and shows no traceback."""
    done = get_uv(tmp_path, (ROOT / "uv.lock").read_text(), HTTPS_PROXY="http://127.0.0.1:1")

    assert done.returncode == 1
    assert "HTTPS_PROXY" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("system", [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")])
def test_every_usual_platform_has_a_wheel(system: tuple[str, str]) -> None:
    """The lock names a wheel for each, of that platform."""
    _, url, sha256 = runpy.run_path(str(SCRIPT))["wheel"](ROOT / "uv.lock", *system)

    assert system[1] in url.rpartition("/")[2]
    assert len(sha256) == 64
