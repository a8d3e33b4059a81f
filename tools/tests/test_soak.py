"""The clients of a soak, and of the tests in the cluster."""

import subprocess
import sys

import pytest

from stagecraft import soak
from stagecraft.problem import Problem

# What a test run does while clients ask.
ASKING = """
import time
from stagecraft import soak
with soak.traffic(pause=1):
    print("asking", flush=True)
    time.sleep(600)
"""


def test_clients_that_fail_are_no_clients_that_lost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A soak must not count their silence as success."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(Problem, match="the clients ended with code"), soak.traffic(pause=1) as report:
        assert not report


def test_clients_end_with_whoever_started_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed test run leaves nobody behind who asks on; the pipe ends with the last of them."""
    # nothing listens there
    monkeypatch.setenv("KIND_ECHO_PORT", "9")

    with subprocess.Popen([sys.executable, "-c", ASKING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
        assert asking.stdout
        assert asking.stdout.readline() == b"asking\n"
        asking.kill()
        asking.communicate(timeout=30)
