"""What surrounds a request: its id, its line in the log, its metrics, its size, its last resort.

Plain ASGI, so that responses stream through untouched and context variables reach the path operation.
"""

import re
import time
from secrets import token_hex

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.metrics import Metrics
from chassis.problems import problem

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Not the application's to say. A server names itself, and so its weaknesses, where nobody is named.
OWN_HEADERS = frozenset({b"x-request-id", b"server"})
# Asked every few seconds by the cluster, whatever the service does: neither logged nor counted.
UNRECORDED = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})


def _header(scope: Scope, name: bytes) -> str:
    """Give a request's header, empty if it has none; ASGI has names in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class RequestContext:
    """Give each request an id, log and count it, and answer 500 where the application raises."""

    def __init__(self, app: ASGIApp, server: str, metrics: Metrics) -> None:
        """Wrap `app`; `server` is what to call it in the ``Server`` header, and `metrics` count its requests."""
        self.app = app
        self.server = server.encode()
        self.metrics = metrics
        # Bound once: one that is not is made anew for every line.
        self.log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__).bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = _header(scope, b"x-request-id")
        request_id = given if REQUEST_ID.fullmatch(given) else token_hex(16)
        recorded = scope["path"] not in UNRECORDED
        self.metrics.in_flight += recorded
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [one for one in message["headers"] if one[0] not in OWN_HEADERS]
                headers += [(b"x-request-id", request_id.encode()), (b"server", self.server)]
                if scope["app"].state.draining:
                    headers = [*(one for one in headers if one[0] != b"connection"), (b"connection", b"close")]
                message["headers"] = headers
            elif scope["method"] == "HEAD":
                # Starlette leaves the body in, and gunicorn writes a warning for each one that it drops.
                message["body"] = b""
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            # Not raised again: the server would log it a second time, without the id.
            self.log.exception("unhandled exception")
            if status is None:
                await problem(500)(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self.metrics.in_flight -= recorded
            if recorded:
                self.metrics.observe(scope, status, seconds)
                self.log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round(seconds * 1000, 1),
                    client=scope["client"] and scope["client"][0],
                )
            structlog.contextvars.reset_contextvars(**bound)


class BodyLimit:
    """Answer 413 to a body over the limit, and read no further.

    Not ``FastAPI(max_body_size=)``: outside every middleware, it answers in text/plain and without the request's id.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        """Wrap `app`; `limit` is in bytes."""
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        detail, headers = f"The body is larger than {self.limit} bytes.", {"Connection": "close"}
        declared = _header(scope, b"content-length")
        # As a float: int refuses to read five thousand digits.
        if declared.isdecimal() and float(declared) > self.limit:
            await problem(413, detail, headers=headers)(scope, receive, send)
            return
        size = 0

        async def receive_within_limit() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise HTTPException(413, detail, headers)
            return message

        await self.app(scope, receive_within_limit, send)
