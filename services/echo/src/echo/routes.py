"""Echo's path operations."""

import asyncio
import base64
import platform
import socket
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import JsonValue, TypeAdapter

from echo.models import Anything, Delay, Echo, Headers, Identity, Message, Peer

JSON = TypeAdapter[JsonValue](JsonValue)

router = APIRouter(tags=["echo"])
faults = APIRouter(tags=["faults"])


@router.get("/")
async def whoami(request: Request) -> Identity:
    """Say who answers."""
    settings = request.app.state.settings
    return Identity(
        name=request.app.title,
        version=request.app.version,
        revision=settings.revision,
        python=platform.python_version(),
        host=socket.gethostname(),
        pod=settings.pod,
    )


@router.post("/echo")
async def echo(message: Message) -> Echo:
    """Say a text back."""
    return Echo(text=message.text, length=len(message.text))


@router.get("/headers")
async def headers(request: Request) -> Headers:
    """Show the headers that arrived."""
    return Headers(headers=_headers(request))


@router.get("/ip")
async def ip(request: Request) -> Peer:
    """Show who connected."""
    return Peer(ip=_client(request), forwarded_for=request.headers.get("X-Forwarded-For"))


async def anything(path: str, request: Request) -> Anything:  # noqa: ARG001 - `path` is what OpenAPI documents
    """Show the whole request."""
    body = await request.body()
    text = _text(body)
    return Anything(
        method=request.method,
        path=request.scope["path"],
        query={name: request.query_params.getlist(name) for name in request.query_params},
        headers=_headers(request),
        client=_client(request),
        body=base64.b64encode(body).decode() if text is None else text,
        base64=text is None,
        parsed=_json(body),
    )


# One operation a method, each with an id of its own; OpenAPI has no way to say that HEAD's answer has no body.
for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
    router.add_api_route(
        "/anything/{path:path}",
        anything,
        methods=[method],
        name=f"{method.lower()}_anything",
        include_in_schema=method != "HEAD",
    )


@faults.get("/delay/{seconds}")
async def delay(seconds: Annotated[float, Path(ge=0, le=10)]) -> Delay:
    """Hold the answer back."""
    await asyncio.sleep(seconds)
    return Delay(seconds=seconds)


def _headers(request: Request) -> dict[str, str]:
    return {name: ", ".join(request.headers.getlist(name)) for name in request.headers}


def _client(request: Request) -> str | None:
    return request.client and request.client.host


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _json(body: bytes) -> JsonValue:
    try:
        # Unlike json.loads, it refuses what an answer could not carry: a lone surrogate, a thousand levels.
        return JSON.validate_json(body)
    except ValueError:
        return None
