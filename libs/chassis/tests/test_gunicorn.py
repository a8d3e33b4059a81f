"""The server as it runs in production: real processes, sockets and signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

COMMAND = [str(Path(sys.executable).with_name("gunicorn")), "--config", "python:chassis.gunicorn"]
DEADLINE = 20


def environment(**variables: str) -> dict[str, str]:
    here = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent), "SERVICE": "tiny"}
    return {**here, **variables}


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Server:
    def __init__(self, log: Path, **variables: str) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                COMMAND,
                env=environment(HOST="127.0.0.1", PORT=str(self.port), **variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(lambda: self.status("/readyz") == 200)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=DEADLINE)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def status(self, path: str) -> int | None:
        try:
            with self.client() as client:
                return client.get(path).status_code
        except httpx.ConnectError:
            return None

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        eventually(lambda: self.status("/readyz") == 503)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(**variables: str) -> Server:
        servers.append(Server(tmp_path / "log", **variables))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()


def test_the_collector_rests_until_all_is_loaded(start: Callable[..., Server]) -> None:
    """Nothing looks for garbage while a service is loaded, and in a worker nothing looks at what was loaded."""
    server = start()
    with server.client() as client:
        collector = client.get("/collector").json()

    assert (collector["while_loading"], collector["now"]) == (False, True)
    assert collector["frozen"] > 50_000


def test_an_import_of_chassis_collects_nothing() -> None:
    """Whoever imports it has a collector that works, and has not worked meanwhile."""
    code = "import gc; before = gc.get_stats(); import chassis; print(gc.get_stats() == before, gc.isenabled())"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True True\n"


def test_a_draining_server_says_so_and_serves_on(start: Callable[..., Server]) -> None:
    """From SIGTERM until the drain ends, readiness fails, liveness holds, and each answer closes its connection."""
    server = start(DRAIN_SECONDS="1.5")
    with server.connect() as kept, server.client() as client:
        kept.sendall(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        assert b"connection: close" not in kept.recv(4096).lower()

        server.terminate()
        ready, alive, missing = (client.get(path) for path in ("/readyz", "/livez", "/nosuch"))
        # Sooner than any keep-alive ends.
        kept.settimeout(3)
        kept.sendall(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = b"".join(iter(lambda: kept.recv(4096), b""))

    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "failing": ["draining"]})
    assert (alive.status_code, missing.status_code) == (200, 404)
    assert {response.headers["connection"] for response in (ready, alive, missing)} == {"close"}
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer.lower()


def test_an_idle_server_exits_when_the_drain_ends(start: Callable[..., Server]) -> None:
    """The exit code is 0, lifespan shutdown has run, and neither waits much longer than DRAIN_SECONDS."""
    server = start(DRAIN_SECONDS="1")
    started = time.monotonic()

    server.terminate()

    assert server.process.wait(DEADLINE) == 0
    assert 1 <= time.monotonic() - started < 3
    assert "lifespan ended" in [line["event"] for line in server.lines()]


def test_a_request_in_flight_is_finished(start: Callable[..., Server]) -> None:
    """A request that outlasts the drain is answered in full, however often SIGTERM comes and to whom."""
    server = start(DRAIN_SECONDS="0.5")
    with server.client() as client, client.stream("GET", "/slow/2") as response:
        lines = response.iter_lines()
        assert next(lines) == "started"

        server.terminate()
        os.killpg(server.process.pid, signal.SIGTERM)

        assert next(lines) == "finished"
    assert server.process.wait(DEADLINE) == 0


def test_a_request_that_hangs_does_not_cost_the_lifespan(start: Callable[..., Server]) -> None:
    """After GRACEFUL_SECONDS a request is given up, yet lifespan shutdown runs and the exit code is 0."""
    server = start(DRAIN_SECONDS="0", GRACEFUL_SECONDS="1")
    with server.client() as client, client.stream("GET", "/slow/60") as response:
        lines = response.iter_lines()
        assert next(lines) == "started"

        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(DEADLINE) == 0
    assert "lifespan ended" in [line["event"] for line in server.lines()]


def test_clients_that_keep_connections_lose_nothing(start: Callable[..., Server]) -> None:
    """Each client is told to close its connection by an answer, and never by an error."""
    server = start(DRAIN_SECONDS="1")

    begun = Barrier(9)

    def ask_until_told_to_close(_: int) -> int:
        with server.client() as client:
            assert client.get("/livez").status_code == 200
            begun.wait(DEADLINE)
            while (response := client.get("/livez")).headers.get("connection") != "close":
                assert response.status_code == 200
            return response.status_code

    with ThreadPoolExecutor(8) as clients:
        statuses = clients.map(ask_until_told_to_close, range(8))
        begun.wait(DEADLINE)
        server.terminate()

        assert set(statuses) == {200}
    assert server.process.wait(DEADLINE) == 0


@pytest.mark.parametrize(
    "request_so_far",
    [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n"],
    ids=["declared", "chunked"],
)
def test_a_body_over_the_limit_is_not_read_on(start: Callable[..., Server], request_so_far: bytes) -> None:
    """413 comes while most of the body has yet to be sent, as problem details, and the connection is closed."""
    server = start(BODY_LIMIT="10")
    with server.connect() as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: test\r\nX-Request-ID: big\r\n" + request_so_far)
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413")
    assert b"content-type: application/problem+json" in head
    assert b"x-request-id: big" in head
    assert b"connection: close" in head
    assert json.loads(body)["request_id"] == "big"


def test_a_client_that_leaves_is_no_error(start: Callable[..., Server]) -> None:
    """A body that breaks off is logged as a request like any other, with 408, and not as an exception."""
    server = start()
    with server.connect() as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf")

    eventually(lambda: "/size" in server.log.read_text())
    (line,) = (line for line in server.lines() if line["logger"] == "chassis.context")
    assert (line["event"], line["status"]) == ("request", 408)


def test_every_line_of_the_log_is_json(start: Callable[..., Server]) -> None:
    """gunicorn's own lines included; those of a request have its id, and a probe has none at all."""
    server = start(DRAIN_SECONDS="0")
    with server.client() as client:
        client.get("/nosuch", headers={"X-Request-ID": "one"})
        assert client.get("/livez").headers["server"] == "chassis"
    server.process.terminate()
    server.process.wait(DEADLINE)

    lines = server.lines()
    assert all({"timestamp", "level", "logger", "event"} <= line.keys() for line in lines)
    assert {"chassis.context", "gunicorn.error", "tiny"} == {line["logger"] for line in lines}
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["request_id"], line["path"], line["status"]) for line in requests] == [("one", "/nosuch", 404)]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SERVICE": ""}, "SERVICE: given nothing: Field required"),
        ({"SERVICE": "nosuch"}, "SERVICE: given 'nosuch': there is no module nosuch.app to serve"),
        ({"SERVICE": "os"}, "SERVICE: given 'os': there is no module os.app to serve"),
        ({"PORT": "http"}, "PORT: given 'http': Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_bad_setting_ends_the_server(variables: dict[str, str], message: str) -> None:
    """The exit code is EX_CONFIG, and stderr holds one line: the variable, what it was, what it may be."""
    ended = subprocess.run(
        COMMAND, env=environment(**variables), capture_output=True, text=True, timeout=DEADLINE, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (78, "", message + "\n")
