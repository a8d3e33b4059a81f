"""The engine, for tests that take a minute each, or first compile what they test with."""

import pytest


@pytest.fixture(autouse=True)
def _engine(engine_here: None) -> None:
    """Have an engine and the Python image."""
