"""What is said where an engine can't be had."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from stagecraft import apt, engine
from stagecraft.problem import Exit, Problem


@pytest.fixture(name="bare")
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this machine one without docker."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(engine, "SBIN", "")
    monkeypatch.setattr(engine, "SOCKET", Path("/nonexistent"))


def on(monkeypatch: pytest.MonkeyPatch, system: Mapping[str, str], user: int) -> Problem:
    """Ask for an engine on a system as a user, and give the problem."""
    monkeypatch.setattr(apt, "system", lambda: dict(system))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(Problem) as raised:
        engine.ensure()
    return raised.value


@pytest.mark.usefixtures("bare")
def test_who_is_not_root_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what is missing, and the way to do without."""
    problem = on(monkeypatch, {"ID": "debian", "PRETTY_NAME": "Debian 12"}, 1000)

    assert problem.code == Exit.MISSING
    what = " and ".join(map(engine.wanted, engine.NEEDED))
    assert str(problem) == f"this machine lacks {what} (Debian 12, not root)"
    assert "ENGINE=none" in problem.advice


@pytest.mark.usefixtures("bare")
def test_who_may_not_use_the_engine_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is there needs a right, not an installation."""
    monkeypatch.setattr(engine, "SOCKET", Path("/"))
    monkeypatch.setattr(engine, "versions", lambda: {**engine.NEEDED, "Docker Engine": ()})
    problem = on(monkeypatch, {"ID": "debian"}, 1000)

    assert "does not answer this user" in str(problem)
    assert "group docker" in problem.advice


@pytest.mark.usefixtures("bare")
def test_an_engine_outside_the_path_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is where programs of root are, which not every shell looks through."""
    (tmp_path / "dockerd").touch(mode=0o755)
    monkeypatch.setattr(engine, "SBIN", str(tmp_path))
    monkeypatch.setattr(engine, "versions", lambda: {**engine.NEEDED, "Docker Engine": ()})

    assert "a Docker engine is installed" in str(on(monkeypatch, {"ID": "debian"}, 1000))


@pytest.mark.usefixtures("bare")
def test_another_system_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root on a system without apt-get gets the same."""
    problem = on(monkeypatch, {"ID": "fedora", "PRETTY_NAME": "Fedora 44"}, 0)

    assert problem.code == Exit.MISSING
    assert "(Fedora 44, root)" in str(problem)
    assert "buildx 0.13 or newer" in problem.advice


# What releases had on 2026-11-24; Ubuntu 24.04 as after its updates.
CANDIDATES = {
    "trixie": {"docker.io": (26, 1), "docker-cli": (26, 1), "docker-buildx": (0, 13), "docker-compose": (2, 26)},
    "bookworm": {"docker.io": (20, 10), "docker-compose": (1, 29)},
    "noble": {"docker.io": (28, 2), "docker-buildx": (0, 21), "docker-compose": (1, 29), "docker-compose-v2": (2, 37)},
}


@pytest.mark.parametrize(
    ("release", "missing", "packages"),
    [
        ("trixie", list(engine.NEEDED), ["docker.io", "docker-buildx", "docker-compose", "docker-cli"]),
        ("trixie", ["compose"], ["docker-compose"]),
        ("noble", list(engine.NEEDED), ["docker.io", "docker-buildx", "docker-compose-v2"]),
        ("bookworm", list(engine.NEEDED), None),
        ("bookworm", ["buildx"], None),
    ],
)
def test_packages_are_chosen_by_what_is_missing_and_new_enough(
    release: str, missing: list[str], packages: list[str] | None
) -> None:
    """Only what is missing is installed, and nothing that is too old."""
    assert engine.choose(missing, lambda package: CANDIDATES[release].get(package, ())) == packages


def test_versions_are_compared_as_numbers() -> None:
    """0.9 is older than 0.13."""
    assert (0, 9, 1) < engine.NEEDED["buildx"] <= (0, 13, 1) < (0, 30)
