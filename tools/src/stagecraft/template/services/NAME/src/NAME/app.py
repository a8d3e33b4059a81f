"""The NAME service."""

from fastapi import FastAPI

import chassis
from NAME.routes import router


def create_app(settings: chassis.Settings | None = None) -> FastAPI:
    """Build the application; `settings` default to the environment."""
    settings = settings or chassis.Settings.from_environment()
    return chassis.create_app(
        settings,
        name="NAME",
        description="Says hello.",
        routers=[router],
    )
