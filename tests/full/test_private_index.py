"""Builds that need a private index: its token reaches them as a secret, and stays nowhere."""

import base64
import hashlib
import os
import platform
import secrets
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stagecraft import python_image
from stagecraft.project import ROOT

# A cache of the test's own, empty and looked into: the machine's would have what an earlier test was allowed to fetch.
CACHE = "id=private-index,target=/root/.cache/uv"
PYPROJECT = """\
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"

[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""

pytestmark = pytest.mark.usefixtures("engine_here")


class Answers(SimpleHTTPRequestHandler):
    """Serves files to those who know the token."""

    token = ""

    def do_GET(self) -> None:
        words = base64.b64encode(f"build:{self.token}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {words}":
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(name="token")
def _token() -> str:
    return secrets.token_hex(20)


@pytest.fixture(name="netrc")
def _netrc(token: str, tmp_path: Path) -> str:
    path = tmp_path / "netrc"
    path.write_text(f"machine 127.0.0.1 login build password {token}\n")
    return str(path)


@pytest.fixture(name="index")
def _index(run: Any, token: str, tmp_path: Path) -> Iterator[str]:
    """Serve an index of one package, a few lines of ours; give its address."""
    source, served = tmp_path / "private-words", tmp_path / "index" / "private-words"
    (source / "src/private_words").mkdir(parents=True)
    (source / "src/private_words/__init__.py").touch()
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=source.name))
    run("uv", "build", "--quiet", "--wheel", "--out-dir", str(served), str(source))
    (wheel,) = served.glob("*.whl")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (served / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}#sha256={sha256}">{wheel.name}</a>')
    handler = type("Answers", (Answers,), {"token": token})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(served.parent))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(name="needing")
def _needing(run: Any, copy: Path, index: str, netrc: str) -> Path:
    """Give a copy of the repository whose echo depends on the package, locked."""
    pyproject, echo = copy / "pyproject.toml", copy / "services/echo/pyproject.toml"
    text = pyproject.read_text().replace("[tool.uv.sources]\n", '[tool.uv.sources]\nprivate-words.index = "private"\n')
    pyproject.write_text(f'{text}\n[[tool.uv.index]]\nname = "private"\nurl = "{index}"\nexplicit = true\n')
    echo.write_text(echo.read_text().replace("dependencies = [", 'dependencies = ["private-words", '))
    run("uv", "lock", "--quiet", cwd=copy, env={"NETRC": netrc})
    dockerfile = copy / "Dockerfile"
    assert "type=cache,target=/root/.cache/uv" in dockerfile.read_text()
    dockerfile.write_text(dockerfile.read_text().replace("type=cache,target=/root/.cache/uv", f"type=cache,{CACHE}"))
    return copy


def build(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Build in a folder, with this machine's loopback address in reach."""
    return subprocess.run(
        ["docker", "build", "--network", "host", "--progress", "plain", *arguments, "."],
        check=False, cwd=folder, env=os.environ, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def test_a_build_gets_the_token_and_leaves_no_trace(
    *, needing: Path, netrc: str, token: str, index: str, everything: Callable[[str], bytes], run: Any
) -> None:
    """Without the token the build says what it was refused; with it no layer, variable, history or cache has it."""
    refused = build(needing, "--target", "builder")
    assert refused.returncode == 1
    assert f"401 Unauthorized) for url ({index}/private-words/" in refused.stdout

    words = base64.b64encode(f"build:{token}".encode()).decode()
    for target in ("builder", "production"):
        name = f"stagecraft/private:{target}"
        done = build(needing, "--secret", f"id=netrc,src={netrc}", "--target", target, "--tag", name)
        assert done.returncode == 0, done.stdout
        assert b"private_words" in (told := everything(name))
        for needle in (token, words):
            assert needle not in done.stdout
            assert needle.encode() not in told
        run("docker", "rmi", name)

    assert token not in run("docker", "buildx", "du", "--verbose").stdout
    # grep finds nothing, in a cache that has the package
    search = f"FROM {python_image.name(python_image.selected())}\nRUN --mount=type=cache,{CACHE} ! grep -q -r -e"
    assert build(needing, "--file", "-", stdin=f"{search} private_words /root/.cache/uv\n").returncode == 1
    for needle in (token, words):
        assert build(needing, "--file", "-", stdin=f"{search} {needle} /root/.cache/uv\n").returncode == 0


def test_uv_itself_may_be_there_too(index: str, netrc: str, tmp_path: Path, run: Any) -> None:
    """What fetches uv shows the token as uv does, and without one says what is missing."""
    wheel = tmp_path / "index" / f"uv-1-{platform.machine()}-manylinux.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "it")
    entry = f'url = "{index}/{wheel.name}", hash = "sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"'
    (tmp_path / "uv.lock").write_text(f'[[package]]\nname = "uv"\nversion = "1"\nwheels = [{{ {entry} }}]\n')
    command = (sys.executable, str(ROOT / "tools/get_uv.py"), "bin")

    refused = run(*command, cwd=tmp_path, env={"NETRC": "/dev/null"}, code=1).stdout
    assert "HTTP Error 401" in refused
    assert "NETRC" in refused
    run(*command, cwd=tmp_path, env={"NETRC": netrc})
    assert (tmp_path / "bin/uv").read_text() == "it"
