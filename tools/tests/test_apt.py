"""Debian's packages from another release, by this machine's own mirrors."""

from pathlib import Path

import pytest

from stagecraft import apt


def test_another_release_comes_from_the_same_mirrors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The suites of the release replace this one's on each mirror, and only the named packages prefer it."""
    targets = "http://one/debian bookworm\nhttp://one/debian bookworm-updates\nhttp://two/sec bookworm-security\n"
    monkeypatch.setattr(apt, "output", lambda *_: f"{targets}http://three/debian trixie")
    monkeypatch.setattr(apt, "quiet", lambda *_: "")
    monkeypatch.setattr(apt, "system", lambda: {"VERSION_CODENAME": "bookworm"})
    monkeypatch.setattr(apt, "RELEASES", tmp_path / "sources")
    monkeypatch.setattr(apt, "PINS", tmp_path / "pins")

    apt.add_release("trixie", ["docker.io", "containerd"])

    sources = (tmp_path / "sources").read_text()
    assert "URIs: http://one/debian\nSuites: trixie trixie-updates\n" in sources
    assert "URIs: http://two/sec\nSuites: trixie-security\n" in sources
    assert "three" not in sources
    assert "Package: docker.io containerd\nPin: release n=trixie*\nPin-Priority: 600" in (tmp_path / "pins").read_text()


def test_a_candidate_is_read_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epoch and Debian's own suffix are left out."""
    monkeypatch.setattr(apt, "output", lambda *_: "docker-buildx:\n  Installed: (none)\n  Candidate: 1:0.13.1+ds1-3\n")

    assert apt.candidate("docker-buildx") == (0, 13, 1)
