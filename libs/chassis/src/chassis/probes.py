"""What Kubernetes asks a pod, and what a person asks a service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

Check = Callable[[Request], Awaitable[bool]]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Probe(BaseModel, frozen=True):
    """The answer to a probe."""

    status: Literal["ok", "unavailable"] = "ok"
    failing: list[str] = []


class Health(BaseModel, frozen=True):
    """A service at a glance."""

    status: Literal["ok", "failing", "draining"]
    name: str
    version: str
    revision: str
    uptime_seconds: float
    checks: dict[str, Literal["ok", "failing"]]


UNAVAILABLE: dict[int | str, dict[str, Any]] = {503: {"model": Probe}}


def create_router(checks: Mapping[str, Check]) -> APIRouter:
    """Make the router of the probes.

    Args:
        checks: By name, what must hold for the service to be ready. One that raises does not hold. A check
            bounds its own time: a kubelet waits a second by default.

    Returns:
        A router with ``/livez``, ``/readyz``, ``/startupz`` and ``/health``.
    """
    router = APIRouter(tags=["probes"])

    async def run(request: Request) -> dict[str, bool]:
        results = await asyncio.gather(*(check(request) for check in checks.values()), return_exceptions=True)
        for name, result in zip(checks, results, strict=True):
            if isinstance(result, Exception):
                log.warning("check raised", check=name, exc_info=result)
        return {name: result is True for name, result in zip(checks, results, strict=True)}

    def answer(response: Response, failing: list[str]) -> Probe:
        if failing:
            response.status_code = 503
        return Probe(status="unavailable" if failing else "ok", failing=failing)

    @router.get("/livez")
    async def livez() -> Probe:
        """Whether the process runs; never looks outside it."""
        return Probe()

    @router.get("/readyz", responses=UNAVAILABLE)
    async def readyz(request: Request, response: Response) -> Probe:
        """Whether to send requests here."""
        draining = ["draining"] if request.app.state.draining else []
        return answer(response, draining + [name for name, holds in (await run(request)).items() if not holds])

    @router.get("/startupz", responses=UNAVAILABLE)
    async def startupz(request: Request, response: Response) -> Probe:
        """Whether start-up has finished."""
        return answer(response, ["starting"] if request.app.state.started_at is None else [])

    @router.get("/health")
    async def health(request: Request) -> Health:
        """Sum the service up for a person; 200 whatever it says."""
        app = request.app
        checks = await run(request)
        return Health(
            status="draining" if app.state.draining else "ok" if all(checks.values()) else "failing",
            name=app.title,
            version=app.version,
            revision=app.state.settings.revision,
            uptime_seconds=round(time.monotonic() - (app.state.started_at or time.monotonic()), 1),
            checks={name: "ok" if holds else "failing" for name, holds in checks.items()},
        )

    return router
