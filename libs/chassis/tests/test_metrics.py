"""What Prometheus is told."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from chassis import Settings, create_app

Samples = dict[tuple[str, ...], float]

router = APIRouter()


@router.get("/items/{item}")
async def get_item(item: int) -> int:
    return item


@router.post("/items")
async def post_item(request: Request) -> int:
    return len(await request.body())


@router.get("/in-flight")
async def get_in_flight(request: Request) -> float | None:
    in_flight: float | None = request.app.state.registry.get_sample_value("http_requests_in_flight")
    return in_flight


@router.get("/boom")
async def get_boom() -> None:
    raise RuntimeError("boom")


@router.get("/half")
async def get_half() -> StreamingResponse:
    async def answer() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("boom")

    return StreamingResponse(answer())


def app() -> FastAPI:
    settings = Settings(docs=True, body_limit=10, log_level="error")
    return create_app(settings, name="chassis", description="Tiny.", routers=[router])


@pytest.fixture(name="client")
def _client() -> Iterator[TestClient]:
    with TestClient(app()) as client:
        yield client


def exported(client: TestClient, name: str, *labels: str) -> Samples:
    """Give a metric's samples by the values of their labels, in the order of `labels`."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    assert all(sample.labels.keys() == set(labels) for sample in samples)
    return {tuple(sample.labels[label] for label in labels): sample.value for sample in samples}


def counted(client: TestClient) -> Samples:
    return exported(client, "http_requests_total", "method", "route", "status")


def test_a_request_is_counted_by_its_route(client: TestClient) -> None:
    """The route is the template, not the path; a refusal is its route's where it has one, and an exception a 500."""
    for path in ("/items/1", "/items/2", "/items/x", "/boom", "/half", "/docs"):
        client.get(path)
    client.delete("/items/1")
    client.post("/items", content="x" * 10)

    assert counted(client) == {
        ("GET", "/items/{item}", "200"): 2,
        ("GET", "/items/{item}", "422"): 1,
        ("GET", "/boom", "500"): 1,
        ("GET", "/half", "200"): 1,
        # FastAPI leaves no template for the pages of its own.
        ("GET", "none", "200"): 1,
        ("DELETE", "/items/{item}", "405"): 1,
        ("POST", "/items", "200"): 1,
    }


def test_clients_make_no_labels(client: TestClient) -> None:
    """Whatever paths and methods are made up, they share one series."""
    for number in range(5):
        client.get(f"/nosuch/{number}")
        client.request(f"M{number}", f"/nosuch/{number}")
        client.request(f"M{number}", "/items/1")
    client.post("/items", content="x" * 11)

    assert counted(client) == {
        ("GET", "none", "404"): 5,
        ("none", "none", "404"): 5,
        ("none", "/items/{item}", "405"): 5,
        # Refused before anybody looks where it was to go.
        ("POST", "none", "413"): 1,
    }


def test_what_the_cluster_asks_is_not_counted(client: TestClient) -> None:
    """A probe or a scrape appears in no metric of requests, so that these are of what the service is for."""
    for path in ("/livez", "/readyz", "/startupz", "/metrics"):
        client.get(path)

    assert counted(client) == {}
    assert exported(client, "http_request_duration_seconds_count", "method", "route") == {}
    assert exported(client, "http_requests_in_flight") == {(): 0}


def test_a_request_is_timed_to_its_end(client: TestClient) -> None:
    """Each falls into buckets from 5 ms to 10 s by how long it took, whatever its status."""
    for path in ("/items/1", "/items/x"):
        client.get(path)

    buckets = exported(client, "http_request_duration_seconds_bucket", "method", "route", "le")
    limits = [le for method, route, le in buckets if (method, route) == ("GET", "/items/{item}")]
    assert (limits[0], limits[-2:]) == ("0.005", ["10.0", "+Inf"])
    assert buckets["GET", "/items/{item}", "+Inf"] == 2
    (seconds,) = exported(client, "http_request_duration_seconds_sum", "method", "route").values()
    assert 0 < seconds < 10


def test_a_request_in_flight_is_seen(client: TestClient) -> None:
    """A request counts while it is being answered and no longer, though it raises, before its answer or within."""
    for path in ("/boom", "/half", "/nosuch"):
        client.get(path)

    assert client.get("/in-flight").json() == 1
    assert exported(client, "http_requests_in_flight") == {(): 0}


def test_each_application_counts_for_itself(client: TestClient) -> None:
    """Two in one process share no counts."""
    with TestClient(app()) as other:
        other.get("/items/1")

        assert len(counted(other)) == 1
    assert counted(client) == {}


def test_the_process_is_measured(client: TestClient) -> None:
    """The process, its garbage collection and its Python are exported, and no more series than were asked for."""
    client.get("/items/1")

    names = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}

    assert {"process_resident_memory_bytes", "python_gc_collections", "python_info"} <= names
    assert not {name for name in names if name.endswith("_created")}


def test_the_answer_is_prometheus_own(client: TestClient) -> None:
    """/metrics says which version of the text format it is in, and its documentation says that it is text."""
    response = client.get("/metrics")
    (documented,) = client.get("/openapi.json").json()["paths"]["/metrics"].values()

    assert (response.status_code, response.headers["content-type"]) == (200, CONTENT_TYPE_LATEST)
    assert "text/plain" in documented["responses"]["200"]["content"]
