"""In which order a Python image is looked for: present, pullable, made here."""

import pytest

from stagecraft import python_image
from stagecraft.problem import Problem
from stagecraft.project import ROOT


class Engine:
    """An engine that has some images, before a registry that has some or does not answer."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        present: set[str],
        stand_ins: set[str],
        registry: bool,
        outdated: frozenset[str] = frozenset(),
    ) -> None:
        self.made: list[str] = []
        self.pulled: list[str] = []
        monkeypatch.delenv("PYTHON_IMAGE", raising=False)
        monkeypatch.delenv("PYTHON_VERSION", raising=False)
        monkeypatch.setattr(python_image, "present", lambda image: image in present)
        monkeypatch.setattr(python_image, "pullable", lambda _: registry)
        monkeypatch.setattr(python_image, "stand_ins", lambda: sorted(stand_ins))
        monkeypatch.setattr(python_image, "outdated", lambda: sorted(outdated))
        monkeypatch.setattr(python_image, "quiet", self.pull if registry else self.fail)
        monkeypatch.setattr(python_image, "_make", self.made.extend)

    def pull(self, *command: str) -> None:
        self.pulled.append(command[-1])

    def fail(self, *command: str) -> None:
        raise Problem(f"{command} ended with code 1")


def test_an_image_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of anyone."""
    engine = Engine(monkeypatch, present={"python:3.14-slim"}, stand_ins=set(), registry=False)
    python_image.ensure()

    assert (engine.made, engine.pulled) == ([], [])


def test_what_can_be_pulled_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in is only for where no registry answers."""
    engine = Engine(monkeypatch, present=set(), stand_ins=set(), registry=True)
    python_image.ensure()

    assert (engine.made, engine.pulled) == ([], ["python:3.14-slim"])


def test_where_no_registry_answers_every_version_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker build --build-arg PYTHON_VERSION=3.11 .` works there too."""
    engine = Engine(monkeypatch, present=set(), stand_ins=set(), registry=False)
    python_image.ensure()

    assert (engine.made, engine.pulled) == (["3.11", "3.13", "3.14"], [])


def test_a_stand_in_is_not_joined_by_others_once_a_registry_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing can be pulled by then."""
    present = {"python:3.14-slim"}
    engine = Engine(monkeypatch, present=present, stand_ins=present, registry=True)
    python_image.ensure()

    assert (engine.made, engine.pulled) == ([], [])


def test_a_stand_in_of_before_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer commit finds in it what it needs, whichever version is asked for first."""
    present = {f"python:{version}-slim" for version in python_image.RELEASES}
    for outdated, made in (({"python:3.14-slim"}, ["3.14"]), ({"python:3.11-slim"}, ["3.11"])):
        engine = Engine(monkeypatch, present=present, stand_ins=present, registry=False, outdated=frozenset(outdated))
        python_image.ensure()

        assert engine.made == made


def test_your_own_image_is_pulled_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHON_IMAGE is taken at its word."""
    engine = Engine(monkeypatch, present=set(), stand_ins=set(), registry=True)
    monkeypatch.setenv("PYTHON_IMAGE", "registry.example.com/python:1")
    python_image.ensure()

    assert (engine.made, engine.pulled) == ([], ["registry.example.com/python:1"])


def test_the_dockerfile_knows_the_same_versions() -> None:
    """A build refuses what the commands refuse."""
    assert f"\n  {' | '.join(python_image.RELEASES)}) ;;\n" in (ROOT / "Dockerfile").read_text()
