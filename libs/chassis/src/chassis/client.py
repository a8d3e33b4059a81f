"""The HTTP client with which a service asks its siblings."""

import ssl
from typing import Any

import httpx
from structlog.contextvars import get_contextvars


def create_client(**options: Any) -> httpx.AsyncClient:
    """Make a client that passes the current request's id on.

    Args:
        options: For ``httpx.AsyncClient``.

    Returns:
        A client to be closed by the caller. It trusts the system's certificates, and SSL_CERT_FILE, and uses no proxy.
    """
    return httpx.AsyncClient(
        verify=ssl.create_default_context(),
        # A sibling is never behind the proxy that HTTP_PROXY names for the world outside.
        trust_env=False,
        event_hooks={"request": [_pass_request_id]},
        **options,
    )


async def _pass_request_id(request: httpx.Request) -> None:
    if request_id := get_contextvars().get("request_id"):
        request.headers["X-Request-ID"] = request_id
