"""What every service shares: app factory, settings, logs, probes, metrics, server."""

from chassis.app import create_app
from chassis.config import Settings

__all__ = ["Settings", "create_app"]
