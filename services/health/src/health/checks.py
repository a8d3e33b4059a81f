"""Checking targets: each on its own time, and all at once when asked to."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import structlog
from structlog.contextvars import bound_contextvars

from health.config import Conditions, Target
from health.models import Check, TargetStatus

# How much of an answer is read, in bytes.
READ = 64 * 1024
# How many checks of a target are remembered.
KEPT = 60
# How many intervals lie between two checks of a target that is down: few at first, as it may only be starting.
FIRST_BACKOFF, LAST_BACKOFF = 1 / 8, 8

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Monitor:
    """Knows what each target was like when last checked."""

    def __init__(self, targets: Mapping[str, Target], client: httpx.AsyncClient) -> None:
        """Start out knowing nothing about `targets`, which `client` will ask."""
        self.targets = targets
        self.client = client
        self.statuses = {
            name: TargetStatus(name=name, url=target.shown_url, required=target.required)
            for name, target in targets.items()
        }
        self.history: dict[str, deque[Check]] = {name: deque(maxlen=KEPT) for name in targets}
        self._refreshing = asyncio.Lock()

    async def watch(self, name: str) -> None:
        """Check one target for ever, with backoff while it is down; each check has a request id of its own."""
        failures = 0
        while True:
            with bound_contextvars(request_id=uuid4().hex):
                status = await self.check(name)
            failures = 0 if status.status == "up" else failures + 1
            jitter = random.uniform(0.9, 1.1)  # noqa: S311 - keeps replicas apart, keeps no secret
            await asyncio.sleep(self.targets[name].interval * _backoff(failures) * jitter)

    async def refresh(self) -> None:
        """Check every target now, or wait for the end of a refresh that already does."""
        underway = self._refreshing.locked()
        async with self._refreshing:
            if not underway:
                await asyncio.gather(*map(self.check, self.targets))

    async def check(self, name: str) -> TargetStatus:
        """Check one target now.

        Args:
            name: A target's name.

        Returns:
            What it is like; `down` also where it could not be asked.
        """
        target, before = self.targets[name], self.statuses[name]
        latency_ms = None
        started = time.perf_counter()
        try:
            async with asyncio.timeout(target.timeout):
                status, body = await self._ask(target)
            latency_ms = round((time.perf_counter() - started) * 1000, 1)
            error = _unmet(target.conditions, status, latency_ms, body)
        except TimeoutError:
            error = f"no answer within {target.timeout:g} s"
        except Exception as failure:  # noqa: BLE001 - whatever it was, the target is down and the watch goes on
            error = f"{type(failure).__name__}: {failure}"
        found = Check(status="down" if error else "up", latency_ms=latency_ms, checked_at=datetime.now(UTC))
        after = before.model_copy(update={**dict(found), "last_error": error or before.last_error})
        self.statuses[name] = after
        self.history[name].append(found)
        if after.status != before.status:
            log.info("target changed", target=name, status=after.status, error=error)
        return after

    async def _ask(self, target: Target) -> tuple[int, str]:
        async with self.client.stream("GET", str(target.url)) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= READ:
                    break
            return response.status_code, body.decode(errors="replace")


def _backoff(failures: int) -> float:
    """Give how many intervals to wait after so many failures in a row: twice as many after each, within bounds."""
    return min(FIRST_BACKOFF * 2.0 ** min(failures - 1, 10), LAST_BACKOFF) if failures else 1


def _unmet(conditions: Conditions, status: int, latency_ms: float, body: str) -> str | None:
    if status != conditions.status:
        return f"status {status}, not {conditions.status}"
    if conditions.max_latency_ms is not None and latency_ms > conditions.max_latency_ms:
        return f"took {latency_ms:g} ms, more than {conditions.max_latency_ms:g} ms"
    if conditions.body is not None and conditions.body not in body:
        return f"the answer does not contain {conditions.body!r}"
    return None
