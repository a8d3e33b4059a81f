"""What every service does with a request."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from chassis import Settings, create_app

router = APIRouter()


class Message(BaseModel):
    text: str
    counts: dict[str, int] = {}


@router.post("/text")
async def post_text(message: Message) -> Message:
    return message


@router.get("/teapot")
async def get_teapot() -> None:
    raise HTTPException(418, "short and stout \ud800", {"X-Spout": "here"})


@router.get("/boom")
async def get_boom() -> None:
    raise RuntimeError("boom")


@router.get("/half")
async def get_half() -> StreamingResponse:
    async def answer() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("boom")

    return StreamingResponse(answer())


async def holds(_: Request) -> bool:
    return True


async def fails(_: Request) -> bool:
    return False


async def raises(_: Request) -> bool:
    raise ConnectionError


def app(**settings: Any) -> FastAPI:
    return create_app(Settings(**settings), name="chassis", description="Tiny.", routers=[router])


@pytest.fixture(name="client")
def _client() -> Iterator[TestClient]:
    with TestClient(app(docs=True, body_limit=1000, log_level="error")) as client:
        yield client


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [line for line in lines if line["logger"].startswith("chassis")]


PROBLEMS = [
    ("GET", "/nosuch", "", 404),
    ("DELETE", "/text", "", 405),
    ("POST", "/text", "{}", 422),
    ("POST", "/text", "x" * 1001, 413),
    ("GET", "/teapot", "", 418),
    ("GET", "/boom", "", 500),
]


@pytest.mark.parametrize(("method", "path", "content", "status"), PROBLEMS)
def test_an_error_is_a_problem(client: TestClient, method: str, path: str, content: str, status: int) -> None:
    """Every error is RFC 9457 problem details with the request's id in the header and in the body."""
    headers = {"X-Request-ID": "one", "Content-Type": "application/json"}

    response = client.request(method, path, content=content, headers=headers)

    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == problem["request_id"] == "one"
    assert problem["title"]


def test_an_error_keeps_its_words_and_headers(client: TestClient) -> None:
    """What a path operation says about an error reaches the client, as does what the router says."""
    response = client.get("/teapot")

    assert (response.json()["detail"], response.headers["x-spout"]) == ("short and stout \ud800", "here")
    assert client.delete("/text").headers["allow"] == "POST"


@pytest.mark.parametrize("value", ['"\\ud800"', "NaN", "1e999", "[" * 50, "9" * 900, "{\\udfff}", "12345"])
def test_a_refusal_does_not_repeat_what_it_refuses(client: TestClient, value: str) -> None:
    """A body that is not valid is a client's error, never ours, and no part of it comes back."""
    content = f'{{"counts": {{"\\ud800": {value}}}}}'

    response = client.post("/text", content=content, headers={"Content-Type": "application/json"})

    assert response.status_code in {400, 422}
    assert value not in response.text


def test_a_refusal_says_where(client: TestClient) -> None:
    """Each value that is not valid is named by its place in the request."""
    assert client.post("/text", json={}).json()["errors"] == [{"location": "body.text", "detail": "Field required"}]


@pytest.mark.parametrize("given", ["a", "A-z.0_9", "x" * 128])
def test_a_request_id_is_taken(client: TestClient, given: str) -> None:
    """An id that is safe to log and to pass on is kept."""
    assert client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a\n", "\xfc", "x" * 129, '"}'])
def test_a_request_id_is_made(client: TestClient, given: str) -> None:
    """Any other is replaced."""
    made = client.get("/livez", headers={b"X-Request-ID": given.encode("latin-1")}).headers["x-request-id"]

    assert re.fullmatch("[0-9a-f]{32}", made)


def test_an_exception_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    """One error line has the traceback and the request's id; the answer tells nothing of either cause or code."""
    with TestClient(app()) as client:
        response = client.get("/boom", headers={"X-Request-ID": "one"})

    error, request = logged(capsys)
    assert (error["level"], error["request_id"], "RuntimeError: boom" in error["exception"]) == ("error", "one", True)
    assert (request["event"], request["status"], request["request_id"]) == ("request", 500, "one")
    assert "boom" not in response.text


def test_an_exception_in_mid_answer_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the answer has begun, nothing is added to it, and the cause is still in the log."""
    with TestClient(app()) as client:
        assert client.get("/half").content == b"half"

    assert "RuntimeError: boom" in logged(capsys)[0]["exception"]


def test_a_request_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has a line for each request but a probe's, without the query, which may hold a secret."""
    with TestClient(app()) as client:
        for path in ("/health?token=secret", "/livez", "/readyz", "/startupz"):
            client.get(path)

    (line,) = logged(capsys)
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/health", 200, "testclient")
    assert line["duration_ms"] >= 0


def test_readiness_names_what_fails() -> None:
    """/readyz and /health run the service's checks; one that raises has failed."""
    checks = {"good": holds, "bad": fails, "ugly": raises}
    with TestClient(create_app(Settings(), name="chassis", description="", routers=[], checks=checks)) as client:
        ready, health = client.get("/readyz"), client.get("/health")

    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "failing": ["bad", "ugly"]})
    assert (health.status_code, health.json()["status"]) == (200, "failing")
    assert health.json()["checks"] == {"good": "ok", "bad": "failing", "ugly": "failing"}


def test_a_draining_service_says_so() -> None:
    """While it drains, every answer tells its client to close the connection, errors and exceptions too."""
    draining = app()
    draining.state.draining = True

    with TestClient(draining) as client:
        answers = [client.get(path) for path in ("/livez", "/readyz", "/health", "/nosuch", "/boom")]

    assert [answer.status_code for answer in answers] == [200, 503, 200, 404, 500]
    assert {answer.headers["connection"] for answer in answers} == {"close"}
    assert answers[2].json()["status"] == "draining"


def test_start_up_is_over_when_the_lifespan_says_so() -> None:
    """/startupz is 503 until lifespan start-up has finished; /livez never waits for it."""
    client = TestClient(app())
    assert (client.get("/startupz").status_code, client.get("/livez").status_code) == (503, 200)

    with client:
        assert client.get("/startupz").json() == {"status": "ok", "failing": []}


def test_health_says_what_runs(client: TestClient) -> None:
    """/health has the distribution's version and the build's revision."""
    health = client.get("/health").json()

    assert health.pop("uptime_seconds") >= 0
    assert health == {"status": "ok", "name": "chassis", "version": "0.1.0", "revision": "unknown", "checks": {}}


def test_the_api_documents_its_errors(client: TestClient) -> None:
    """Every operation documents problem details, and none FastAPI's own form of an error."""
    document = client.get("/openapi.json").json()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all("application/problem+json" in each["responses"]["default"]["content"] for each in operations)
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert "503" in document["paths"]["/readyz"]["get"]["responses"]
    assert "HTTPValidationError" not in str(document)


def test_the_api_is_not_documented_unasked() -> None:
    """Without DOCS there is neither /docs nor /openapi.json."""
    client = TestClient(app())

    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}
