"""The application factory that every service builds on."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware

from chassis import logs, metrics, probes
from chassis.config import Settings
from chassis.context import BodyLimit, RequestContext
from chassis.problems import HANDLERS, RESPONSES

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def create_app(
    settings: Settings,
    *,
    name: str,
    description: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan | None = None,
    checks: Mapping[str, probes.Check] | None = None,
) -> FastAPI:
    """Build a service's application, and set the process's logging up.

    Args:
        settings: The service's settings; ``app.state.settings`` from then on.
        name: The service's name, which is also its distribution's: the version comes from there.
        description: A sentence for the API's documentation.
        routers: The service's own path operations. A route is looked for in these first, so none may match all paths.
        lifespan: What to set up and tear down; what it yields is each request's ``request.state``.
        checks: By name, what must hold for ``/readyz`` to say yes.

    Returns:
        The application, with probes, metrics, request ids, the body limit and problem details. What more a service
        exports, it registers with ``app.state.registry``.
    """
    logs.configure(settings.log_level, settings.log_format)
    measured = metrics.Metrics()

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with lifespan(app) if lifespan else nullcontext() as state:
            app.state.started_at = time.monotonic()
            yield state or {}

    app = FastAPI(
        title=name,
        description=description,
        version=version(name),
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        # A redirect's Location would be made from a Host header that nobody has checked.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=run,
        responses=RESPONSES,
        exception_handlers=HANDLERS,
        middleware=[
            Middleware(RequestContext, server=name, metrics=measured),
            Middleware(BodyLimit, limit=settings.body_limit),
        ],
    )
    app.state.settings = settings
    app.state.started_at = None
    app.state.draining = False
    app.state.registry = measured.registry
    # the service's own first: a route is looked for one by one, at each request
    for router in [*routers, probes.create_router(checks or {}), metrics.create_router(measured.registry)]:
        app.include_router(router)
    return app
