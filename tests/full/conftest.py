"""The engine, and nothing else, for tests that first compile what they test with."""

import pytest


@pytest.fixture(autouse=True)
def _engine(engine_here: None) -> None:
    """Have an engine and the Python image."""
