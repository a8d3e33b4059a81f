"""The compare service."""

from fastapi import FastAPI

import chassis
from compare.routes import router


def create_app(settings: chassis.Settings | None = None) -> FastAPI:
    """Build the application; `settings` default to the environment."""
    settings = settings or chassis.Settings.from_environment()
    return chassis.create_app(
        settings,
        name="compare",
        description="Says how far two texts are apart.",
        routers=[router],
    )
