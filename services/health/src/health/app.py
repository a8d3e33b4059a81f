"""The health service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request

import chassis
from chassis.client import create_client
from health import frontend
from health.checks import Monitor
from health.config import Settings
from health.metrics import TargetCollector
from health.routes import router


def create_app(settings: Settings | None = None, files: Path = frontend.FOLDER) -> FastAPI:
    """Build the application; `settings` default to the environment, `files` are the built front end's."""
    settings = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        # A connection of its own for each check: a kept one may be closed by the target just as it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        # Without timeouts of httpx's own: a target's is for the whole of its check.
        async with create_client(timeout=None, limits=limits) as client:
            monitor = Monitor(settings.targets, client)
            watches = [asyncio.create_task(monitor.watch(name)) for name in settings.targets]
            collector = TargetCollector(monitor)
            app.state.registry.register(collector)
            yield {"frontend": files, "monitor": monitor}
            app.state.registry.unregister(collector)
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    app = chassis.create_app(
        settings,
        name="health",
        description="Watches its siblings.",
        routers=[router],
        lifespan=lifespan,
        checks={name: partial(_is_up, name) for name, target in settings.targets.items() if target.required},
    )
    if (assets := files / "assets").is_dir():
        app.mount("/assets", frontend.Assets(directory=assets))
    return app


async def _is_up(name: str, request: Request) -> bool:
    return bool(request.state.monitor.statuses[name].status == "up")
