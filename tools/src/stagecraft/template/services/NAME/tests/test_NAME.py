"""The NAME service."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

import chassis
from NAME.app import create_app


@pytest.fixture(name="client")
def _client() -> Iterator[TestClient]:
    with TestClient(create_app(chassis.Settings(docs=True, log_level="error"))) as client:
        yield client


def test_it_says_hello(client: TestClient) -> None:
    """Whoever is named is greeted, whatever the script."""
    assert client.get("/hello/Zoë").json() == {"text": "Hello, Zoë!"}


def test_a_name_is_bounded(client: TestClient) -> None:
    """Nobody is greeted at any length."""
    assert client.get(f"/hello/{'a' * 101}").status_code == 422
