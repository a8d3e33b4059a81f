"""The echo service."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from echo.app import create_app
from echo.config import Settings

HOSTILE = [
    b"",
    b"{",
    b"NaN",
    b"[1e999]",
    b'{"text": NaN}',
    b'{"text": "\\ud800"}',
    b'{"\\ud800": "\\udfff"}',
    b'{"text": "\xff"}',
    b'{"text": ' + b"9" * 5000 + b"}",
    b"[" * 300 + b"]" * 300,
    b'{"text": ' + b"[" * 100_000,
    b'{"text": "' + b"x" * 100_001 + b'"}',
]


@pytest.fixture(name="client")
def _client() -> Iterator[TestClient]:
    settings = Settings(faults=True, docs=True, pod="echo-0", revision="abc", log_level="error")
    with TestClient(create_app(settings)) as client:
        yield client


def test_it_says_who_answers(client: TestClient) -> None:
    """A person can tell which build of which service answered, and where it runs."""
    identity = client.get("/").json()

    assert identity.keys() == {"name", "version", "revision", "python", "host", "pod"}
    assert (identity["name"], identity["revision"], identity["pod"]) == ("echo", "abc", "echo-0")


def test_a_text_comes_back_unchanged(client: TestClient) -> None:
    """What is sent is what is said, whatever the script; length counts characters."""
    assert client.post("/echo", json={"text": "Grüße 🌍\0"}).json() == {"text": "Grüße 🌍\0", "length": 8}


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_no_body_is_a_server_error(client: TestClient, body: bytes) -> None:
    """JSON that cannot be said back is refused by /echo, and shown as no JSON by /anything."""
    headers = {"Content-Type": "application/json"}

    assert client.post("/echo", content=body, headers=headers).status_code in {400, 422}
    assert client.post("/anything/x", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
def test_anything_shows_the_request(client: TestClient, method: str) -> None:
    """Any method shows all of a request: path, repeated parameters and headers, body and what it means."""
    headers = [("X-Twice", "1"), ("X-Twice", "2")]

    seen = client.request(method, "/anything/a%20b/c?q=1&q=2", headers=headers, content=b'{"a": [1, null]}').json()

    assert (seen["method"], seen["path"], seen["query"]) == (method, "/anything/a b/c", {"q": ["1", "2"]})
    assert (seen["headers"]["x-twice"], seen["client"]) == ("1, 2", "testclient")
    assert (seen["body"], seen["base64"], seen["json"]) == ('{"a": [1, null]}', False, {"a": [1, None]})


def test_anything_answers_head_without_a_body(client: TestClient) -> None:
    """HEAD is a method too."""
    response = client.head("/anything/x")

    assert (response.status_code, response.content) == (200, b"")


def test_a_body_that_is_not_text_is_in_base64(client: TestClient) -> None:
    """Bytes that are not UTF-8 survive."""
    seen = client.post("/anything/x", content=b"\xff\x00").json()

    assert (seen["body"], seen["base64"], seen["json"]) == ("/wA=", True, None)


def test_the_forwarded_address_is_only_shown(client: TestClient) -> None:
    """Whoever connects is the peer; a header that claims otherwise is a claim."""
    assert client.get("/ip", headers={"X-Forwarded-For": "192.0.2.1"}).json() == {
        "ip": "testclient",
        "forwarded_for": "192.0.2.1",
    }


def test_headers_are_shown(client: TestClient) -> None:
    """Every header that arrived is there."""
    assert client.get("/headers", headers={"X-One": "1"}).json()["headers"]["x-one"] == "1"


@pytest.mark.parametrize(("seconds", "status"), [("0", 200), ("0.01", 200), ("-1", 422), ("10.1", 422), ("nan", 422)])
def test_a_delay_is_bounded(client: TestClient, seconds: str, status: int) -> None:
    """Nobody can hold a request open for longer than ten seconds."""
    assert client.get(f"/delay/{seconds}").status_code == status


def test_faults_are_off_unless_asked_for() -> None:
    """Without ECHO_FAULTS no path can be made to misbehave."""
    with TestClient(create_app(Settings(log_level="error"))) as client:
        assert client.get("/delay/0").status_code == 404


def test_operations_have_names_of_their_own(client: TestClient) -> None:
    """A client generated from the API has one function an operation."""
    paths = client.get("/openapi.json").json()["paths"]

    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert set(paths["/anything/{path}"]) == {"get", "options", "post", "put", "patch", "delete"}
