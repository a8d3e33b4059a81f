"""Errors as RFC 9457 problem details."""

import json
from collections.abc import Callable, Coroutine, Mapping
from http.client import responses as phrases
from typing import Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from structlog.contextvars import get_contextvars


class Problem(BaseModel, frozen=True):
    """What went wrong with a request; ``errors`` is there when the request was understood but not valid."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[Literal["location", "detail"], str]] | None = None


# For `FastAPI(responses=)`: the schema stands in place, since FastAPI would document a `model` as application/json.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Problem details",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}


def problem(
    status: int,
    detail: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[Literal["location", "detail"], str]] | None = None,
) -> Response:
    """Make the response to a request that failed.

    Args:
        status: The HTTP status.
        detail: What went wrong, for a person; the status's own phrase by default.
        headers: To send along.
        errors: What was not valid, and where.

    Returns:
        An application/problem+json response with the id of the current request.
    """
    title = phrases.get(status, "Error")
    request_id = get_contextvars().get("request_id")
    body = Problem(title=title, status=status, detail=detail or title, request_id=request_id, errors=errors)
    # In ASCII: a detail that quotes its request may hold a lone surrogate, which has no UTF-8.
    content = json.dumps(body.model_dump(exclude_none=True))
    return Response(content, status, headers, "application/problem+json")


async def _http(_: Request, error: HTTPException) -> Response:
    return problem(error.status_code, str(error.detail), headers=error.headers)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    # Never the input: it is the sender's, and not always something JSON can say.
    return problem(
        422,
        "The request is not valid.",
        errors=[{"location": ".".join(map(str, wrong["loc"])), "detail": wrong["msg"]} for wrong in error.errors()],
    )


async def _unread(_: Request, __: ClientDisconnect) -> Response:
    # The body stopped coming: gunicorn waits 30 s for more, then calls that a disconnect.
    return problem(408)


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    HTTPException: _http,
    RequestValidationError: _invalid,
    ClientDisconnect: _unread,
}
