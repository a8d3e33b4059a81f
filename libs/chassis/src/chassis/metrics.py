"""What Prometheus asks a service."""

from http import HTTPMethod

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from starlette.types import Scope

# Stands for any path without a template, any method not of HTTP, a status that was never sent: clients make no labels.
NONE = "none"


class Metrics:
    """One application's metrics, in a registry of their own; a worker's are of that worker alone."""

    def __init__(self) -> None:
        """Start out with what the process itself has to tell, and no request."""
        # For the whole process: a second series beside each, with the time of its first request.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client has types but for this
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.in_flight = 0
        in_flight = Gauge("http_requests_in_flight", "Requests being answered.", registry=self.registry)
        in_flight.set_function(lambda: self.in_flight)
        self._requests = Counter(
            "http_requests", "Requests that ended.", ["method", "route", "status"], registry=self.registry
        )
        # Its buckets are the library's: 5 ms to 10 s, as OpenTelemetry's are for the same.
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "How long requests took, to the end of the answer.",
            ["method", "route"],
            registry=self.registry,
        )
        # Of each method, route and status that there was: looked up once, not at every request.
        self._series: dict[tuple[str, str, int | str], tuple[Counter, Histogram]] = {}

    def observe(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Count a request that ended.

        Args:
            scope: The request's, as routing has left it.
            status: What was answered, if anything.
            seconds: How long that took.
        """
        method = scope["method"] if scope["method"] in HTTPMethod.__members__ else NONE
        route = getattr(scope.get("route"), "path", NONE)
        key = method, route, status or NONE
        if key not in self._series:
            self._series[key] = self._requests.labels(*key), self._seconds.labels(method, route)
        requests, durations = self._series[key]
        requests.inc()
        durations.observe(seconds)


def create_router(registry: CollectorRegistry) -> APIRouter:
    """Make the router of ``/metrics``.

    Args:
        registry: What to export.

    Returns:
        A router with one route, in Prometheus' text format.
    """
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Export every metric to Prometheus."""
        return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
