"""What is said where an engine can't be had."""

import os
from collections.abc import Mapping

import pytest

from stagecraft import apt, engine
from stagecraft.problem import Exit, Problem


@pytest.fixture(name="bare")
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this machine one without docker."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("PATH", "")


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
    lacking = "a Docker engine that answers and buildx 0.13 or newer and compose"
    assert str(problem) == f"this machine lacks {lacking} (Debian 12, not root)"
    assert "ENGINE=none" in problem.advice


@pytest.mark.usefixtures("bare")
def test_another_system_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root on a system without apt-get gets the same."""
    problem = on(monkeypatch, {"ID": "fedora", "PRETTY_NAME": "Fedora 44"}, 0)

    assert problem.code == Exit.MISSING
    assert "(Fedora 44, root)" in str(problem)
    assert "buildx 0.13 or newer" in problem.advice


def test_versions_are_compared_as_numbers() -> None:
    """0.9 is older than 0.13."""
    assert (0, 9, 1) < engine.BUILDX <= (0, 13, 1) < (0, 30)
