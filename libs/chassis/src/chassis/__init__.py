"""What every service shares: app factory, settings, logs, probes, metrics, server."""

import gc

# What imports make is there to stay: to look through it all for garbage, again and again, is a tenth of a start's time.
gc.disable()

from chassis.app import create_app  # noqa: E402 - while the collector rests
from chassis.config import Settings  # noqa: E402 - for the same reason

gc.freeze()
gc.enable()

__all__ = ["Settings", "create_app"]
