"""The documents are followed whose commands first compile a program."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft import builder, signing
from stagecraft.project import ROOT

PATTERNS = ROOT / "docs" / "patterns"


@pytest.fixture(autouse=True)
def _own(tmp_path: Path) -> Iterator[None]:
    """Put a person's own keys aside meanwhile, and leave no builder that was not there."""
    kept, had_builder = tmp_path / "keys", builder.exists()
    if signing.KEYS.exists():
        shutil.move(signing.KEYS, kept)
    yield
    shutil.rmtree(signing.KEYS, ignore_errors=True)
    if kept.exists():
        shutil.move(kept, signing.KEYS)
    if not had_builder:
        builder.delete()


@pytest.mark.parametrize("name", ["provenance.md", "remote-cache.md"])
def test_its_commands_do_what_it_shows(name: str, follow: Any) -> None:
    """Each command ends well, and each line that is shown is among its output."""
    follow(PATTERNS / name)
