"""A service that is measured: in a container, on this machine's own network."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from stagecraft.problem import Problem
from stagecraft.shell import output, quiet

PORT = 18000


@contextmanager
def container(arguments: list[str]) -> Iterator[str]:
    """Run a container, by the words of `docker run`, as long as the block does; give its name."""
    # on the machine's own network: a published port has a proxy in front
    network = ("--network", "host", "--env", "HOST=127.0.0.1", "--env", f"PORT={PORT}")
    name = quiet("docker", "run", "--detach", *network, *arguments)
    try:
        yield name
    finally:
        quiet("docker", "rm", "--force", "--volumes", name)


def wait_until_ready() -> None:
    """Wait until the service answers that it is ready.

    Raises:
        Problem: It does not within 30 s.
    """
    deadline = time.monotonic() + 30
    while output("curl", "--silent", "--fail", f"http://127.0.0.1:{PORT}/readyz") is None:
        if time.monotonic() > deadline:
            raise Problem("a service under measurement does not become ready")
        time.sleep(0.01)
