"""gunicorn's worker, with a drain before it stops."""

import asyncio
from typing import Any

from gunicorn.workers.gasgi import ASGIWorker  # type: ignore[import-untyped]  # gunicorn has no types


class Worker(ASGIWorker):  # type: ignore[misc]  # for the same reason
    """Serves on for DRAIN_SECONDS after SIGTERM, so that whoever sends requests here can stop doing so first."""

    def handle_exit_signal(self) -> None:
        """Begin to drain; a second SIGTERM changes nothing."""
        self.asgi.state.draining = True
        self.loop.call_later(self.asgi.state.settings.drain_seconds, self._stop)

    async def _serve(self) -> None:
        self._serving = asyncio.current_task()
        await super()._serve()

    def _stop(self) -> None:
        # It is not yet in gunicorn's loop while it starts, and no longer after SIGINT.
        looping = self._serving if self.alive and self.servers else None
        super().handle_exit_signal()
        # The arbiter's limit began with the signal. This one begins now, and ends early enough for the lifespan.
        self.cfg.set("graceful_timeout", self.asgi.state.settings.graceful_seconds)
        if looping:
            # gunicorn looks whether to stop once a second, or when cancelled.
            looping.cancel()


def pre_request(worker: Worker, request: Any) -> None:
    """Have gunicorn close each connection after an answer while it drains: it does not heed the answer's own header."""
    if worker.asgi.state.draining:
        request.must_close = True
