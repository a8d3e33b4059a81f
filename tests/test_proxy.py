"""Builds behind a proxy that breaks TLS open with a CA of its own, as many companies have one."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from stagecraft import ca
from stagecraft.project import ROOT

# the stages that fetch: a layer of an earlier run would hide whether this one could
FETCHING = "uv,environment,dependencies,frontend"
CACHE_MOUNTS = ["--mount=type=cache,target=/root/.cache/uv", "--mount=type=cache,target=/root/.npm"]

pytestmark = pytest.mark.usefixtures("engine_here")


class Proxy(threading.Thread):
    """Answers CONNECT, shows the client a certificate of its own CA, and passes the bytes on."""

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__(daemon=True)
        self.authority = authority
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.hosts: list[str] = []

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(4096)
        host, port = request.split(b" ")[1].decode().split(":")
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        try:
            with (
                context.wrap_socket(client, server_side=True) as inner,
                ssl.create_default_context().wrap_socket(
                    socket.create_connection((host, int(port))), server_hostname=host
                ) as outer,
            ):
                self.hosts.append(host)
                back = threading.Thread(target=self.pump, args=(outer, inner), daemon=True)
                back.start()
                self.pump(inner, outer)
                back.join()
        except OSError:
            return  # a client that does not trust the certificate hangs up

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture(name="authority")
def _authority() -> trustme.CA:
    return trustme.CA(organization_name="Stagecraft test proxy")


@pytest.fixture(name="proxy")
def _proxy(authority: trustme.CA) -> Iterator[Proxy]:
    proxy = Proxy(authority)
    proxy.start()
    yield proxy
    proxy.listener.close()


@pytest.fixture(name="dockerfile")
def _dockerfile(tmp_path: Path) -> Path:
    """Give the Dockerfile with an empty cache in place of the machine's, so that everything is fetched."""
    text = (ROOT / "Dockerfile").read_text()
    for mount in CACHE_MOUNTS:
        assert mount in text
        text = text.replace(mount, mount.replace("cache", "tmpfs", 1))
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    return path


def build(dockerfile: Path, proxy: Proxy, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Build echo anew, through the proxy only."""
    return subprocess.run(
        ["docker", "build", "--file", str(dockerfile), "--no-cache-filter", FETCHING, "--network", "host",
         "--progress", "plain", "--build-arg", f"HTTPS_PROXY={proxy.url}", *arguments, "."],
        check=False, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_step_knows_the_ca_or_has_no_network() -> None:
    """No step could reach what a proxy would hide from it."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    steps = [line for line in lines if line.startswith("RUN ")]

    assert steps
    for step in steps:
        assert ("id=ca," in step) != ("--network=none" in step), step


def test_without_its_ca_nothing_is_fetched(proxy: Proxy, dockerfile: Path) -> None:
    """The proxy is really in the way: a build that does not know its CA fails."""
    done = build(dockerfile, proxy, "--target", "builder")

    assert done.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in done.stdout


def test_a_build_gets_the_ca_and_leaves_no_trace(
    *,
    proxy: Proxy,
    dockerfile: Path,
    authority: trustme.CA,
    tmp_path: Path,
    run: Any,
    everything: Callable[[str], bytes],
) -> None:
    """Given the bundle as a secret the build works, and no layer of ours, variable or history line has it."""
    pem = authority.cert_pem.bytes().decode()
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(Path(ca.bundle()).read_text() + pem)
    needle = pem.splitlines()[3]

    for target in ("builder", "production"):
        name = f"stagecraft/proxied:{target}"
        done = build(dockerfile, proxy, "--secret", f"id=ca,src={bundle}", "--target", target, "--tag", name)
        assert done.returncode == 0, done.stdout

        assert needle not in done.stdout
        assert needle.encode() not in everything(name)
        run("docker", "rmi", name)

    assert proxy.hosts, "the builds did not go through the proxy"


def test_npm_goes_the_same_way(proxy: Proxy, dockerfile: Path, authority: trustme.CA, tmp_path: Path) -> None:
    """What a front end takes comes through the proxy too: with its CA, and not without."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(Path(ca.bundle()).read_text() + authority.cert_pem.bytes().decode())
    frontend = ("--build-arg", "SERVICE=health", "--target", "frontend", "--output", "type=cacheonly")

    done = build(dockerfile, proxy, "--secret", f"id=ca,src={bundle}", *frontend)

    assert done.returncode == 0, done.stdout
    assert any("npm" in host for host in proxy.hosts), proxy.hosts
