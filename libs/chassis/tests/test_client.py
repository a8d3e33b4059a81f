"""The client that services ask each other with."""

import asyncio

import httpx
from structlog.contextvars import bound_contextvars

from chassis.client import create_client


def test_the_request_id_is_passed_on() -> None:
    """A request made on behalf of another bears its id, and one that is not bears none."""

    async def ask() -> str:
        async with create_client(transport=httpx.MockTransport(answer)) as client:
            return (await client.get("http://sibling")).text

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers.get("X-Request-ID", "none"))

    assert asyncio.run(ask()) == "none"
    with bound_contextvars(request_id="one"):
        assert asyncio.run(ask()) == "one"
