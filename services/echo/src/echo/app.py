"""The echo service."""

from fastapi import FastAPI

import chassis
from echo.config import Settings
from echo.routes import faults, router


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; `settings` default to the environment."""
    settings = settings or Settings.from_environment()
    return chassis.create_app(
        settings,
        name="echo",
        description="Tells what reaches it.",
        routers=[router, faults] if settings.faults else [router],
    )
