"""The common ways to build a service, which `make bench-peers` measures beside ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stagecraft.bench import builds, peers
from stagecraft.shell import output

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="context", scope="module")
def _context() -> Iterator[Path]:
    """Have a copy to build from, and no image after the tests."""
    with builds.copied() as folder:
        peers.prepare(folder)
        yield folder
    output("docker", "rmi", *(peers.tag(peer, "no_op") for peer in peers.PEERS))


@pytest.fixture(name="ours", scope="module")
def _ours(context: Path) -> set[tuple[str, str]]:
    """Give the distributions of production and their versions."""
    return distributions(context, "production")


def distributions(context: Path, peer: str) -> set[tuple[str, str]]:
    peers.build(context, peer, "no_op")
    _, said = peers.read(peers.tag(peer, "no_op"))
    return {(package.name, package.version) for package in said.python}


@pytest.mark.parametrize("peer", peers.PEERS)
def test_each_way_gives_the_same_service(peer: str, context: Path, ours: set[tuple[str, str]]) -> None:
    """It answers, and is made of the very versions that production is, so that the two can be compared."""
    theirs = {(name, version) for name, version in distributions(context, peer) if name not in {"pip", "uv"}}

    assert theirs == ours
    assert builds.start([peers.tag(peer, "no_op")])
