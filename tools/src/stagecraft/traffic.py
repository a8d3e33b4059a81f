"""Three kinds of clients at once, none retries: `python -m stagecraft.traffic URL PAUSE`, to its input's end."""

import asyncio
import json
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

TIMEOUT_SECONDS = 20
# How many failures are told in full; all are counted.
TOLD = 50


@dataclass
class Failure:
    """What is known of a request that was lost."""

    at: float
    """Seconds since 1970."""
    request_id: str
    phase: str
    """connect, send, wait (for the first byte), read or status."""
    error: str
    seconds: float
    """Since the request began."""
    uses: int
    """How many answers the connection had brought before."""
    pod: str | None
    """Who gave the last of them."""
    port: int | None
    """The client's own, as a packet capture would show it."""


@dataclass
class Kind:
    """One kind of client: what it asks, on how many connections at once, and how it fared."""

    name: str
    path: str
    connections: int
    pause: float
    """Seconds between an answer and the next request of the same connection."""
    keep_alive: bool
    requests: int = 0
    failures: int = 0
    told: list[Failure] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    pods: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        """Give what became of its requests, as JSON."""
        cuts = statistics.quantiles(self.milliseconds or [0.0, 0.0], n=100)
        return {
            "requests": self.requests,
            "failures": self.failures,
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "pods": dict(self.pods),
            "told": [asdict(failure) for failure in self.told],
        }


def kinds(pause: float) -> list[Kind]:
    """Give the three kinds: a pool of kept connections, one connection a request, and requests of three seconds."""
    return [
        Kind("keep-alive", "/", connections=8, pause=pause, keep_alive=True),
        Kind("new connection", "/", connections=4, pause=pause * 2, keep_alive=False),
        Kind("3 s", "/delay/3", connections=4, pause=pause, keep_alive=True),
    ]


class Client:
    """One connection at a time, used again where its kind and the server say so."""

    def __init__(self, host: str, port: int, kind: Kind) -> None:
        """Take where to connect, and whose counts to keep."""
        self.host = host
        self.port = port
        self.kind = kind
        self.phase = ""
        self.uses = 0
        self.pod: str | None = None
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Send requests until told to stop; the one in flight is waited for."""
        while not stopping.is_set():
            await self.request()
            await asyncio.sleep(self.kind.pause)
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None
        self.uses = 0

    async def request(self) -> None:
        """Send one request and count what becomes of it."""
        request_id, started = uuid4().hex, time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._request(request_id)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            self.kind.failures += 1
            if len(self.kind.told) < TOLD:
                seconds = round(time.monotonic() - started, 3)
                own_port = self.writer.get_extra_info("sockname")[1] if self.writer else None
                words = f"{type(error).__name__}: {error}"
                self.kind.told.append(
                    Failure(time.time(), request_id, self.phase, words, seconds, self.uses, self.pod, own_port)
                )
            self.close()
        else:
            self.kind.milliseconds.append((time.monotonic() - started) * 1000)
        self.kind.requests += 1

    async def _request(self, request_id: str) -> None:
        self.phase = "connect"
        if self.reader is None or self.writer is None or self.reader.at_eof():
            # a connection whose end has been seen carries no request: that is no loss
            self.close()
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.phase = "send"
        connection = "keep-alive" if self.kind.keep_alive else "close"
        head = f"GET {self.kind.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        self.writer.write(f"{head}X-Request-ID: {request_id}\r\nConnection: {connection}\r\n\r\n".encode())
        await self.writer.drain()
        self.phase = "wait"
        first = await self.reader.readuntil(b"\r\n")
        self.phase = "read"
        headers = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = json.loads(await self.reader.readexactly(length))
        self.phase = "status"
        if not first.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"{first.decode().strip()} {body}")
        self.uses += 1
        self.pod = body.get("pod", self.pod)
        self.kind.pods[self.pod or "unknown"] += 1
        if not self.kind.keep_alive or b"connection: close" in headers:
            self.close()


async def main(url: str, pause: float) -> dict[str, Any]:
    """Send requests of every kind until standard input ends, or has a line, or SIGINT.

    Args:
        url: Of an echo with its faults on: http://host:port.
        pause: Seconds that a kept connection rests between two requests.

    Returns:
        By kind, what became of its requests.
    """
    address = urlsplit(url)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(sys.stdin)
        stopping.set()

    loop.add_reader(sys.stdin, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    all_kinds = kinds(pause)
    async with asyncio.TaskGroup() as group:
        for kind in all_kinds:
            for _ in range(kind.connections):
                client = Client(address.hostname or "127.0.0.1", address.port or 80, kind)
                group.create_task(client.run(stopping))
    return {kind.name: kind.report() for kind in all_kinds}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1], float(sys.argv[2])))) + "\n")
