"""Load one address from a process of its own: `python -m stagecraft.load PORT PATH SECONDS CONNECTIONS`."""

import asyncio
import json
import statistics
import sys
import time

BODY = b'{"text": "Hello from multi-stage build!"}'
HEADER_END = b"\r\n\r\n"


class Client(asyncio.Protocol):
    """One kept connection that sends its next request as soon as the answer is there."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        """Take the request to repeat, and where to put the seconds of each answer."""
        self.request = request
        self.latencies = latencies
        self.received = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection gives
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send a request."""
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take note of a whole answer, and send again."""
        self.received += data
        head, end, body = self.received.partition(HEADER_END)
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"not a 200: {head[:80]!r}")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.latencies.append(time.perf_counter() - self.sent_at)
            self.received = b""
            self.send()


async def load(port: int, path: str, seconds: float, connections: int) -> dict[str, float]:
    """POST a short JSON text over kept connections, each waiting for its answer.

    Args:
        port: Of this machine.
        path: What to POST to.
        seconds: For how long, after a second of warming up.
        connections: How many at once.

    Returns:
        Requests a second, and the median and 99th percentile of an answer in milliseconds.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(request, latencies), "127.0.0.1", port)
    await asyncio.sleep(1)
    latencies.clear()
    await asyncio.sleep(seconds)
    cuts = statistics.quantiles(latencies, n=100)
    return {"requests_per_second": len(latencies) / seconds, "p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}


if __name__ == "__main__":
    port, path, seconds, connections = sys.argv[1:]
    measured = asyncio.run(load(int(port), path, float(seconds), int(connections)))
    print(json.dumps(measured))  # noqa: T201 - its result
