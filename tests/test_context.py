"""What may reach a build: .dockerignore is an allowlist."""

from pathlib import Path
from typing import Any

import pytest

LEAKS = [
    ".env",
    ".git/config",
    "big.bin",
    "deploy/key.pem",
    "libs/chassis/.env",
    "services/echo/.env",
    "services/echo/src/echo/__pycache__/app.pyc",
    "tools/src/stagecraft/token",
]


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.single-stage"])
def test_nothing_leaks_into_a_build(run: Any, copy: Path, dockerfile: str) -> None:
    """A secret, a .git and a large file in the tree are not even sent to the builder."""
    for name in LEAKS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("SECRET")
    (copy / "big.bin").write_bytes(b"\0" * 20_000_000)
    # all that a build could copy, in an image of its own
    probe = "FROM scratch\nCOPY . /\n"
    (copy / f"{dockerfile}.probe").write_text(probe)
    out = copy.parent / "out"

    run("docker", "buildx", "build", "--file", f"{dockerfile}.probe", "--output", str(out), ".", cwd=copy)

    sent = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert not set(LEAKS) & sent
    assert "uv.lock" in sent
    assert {path.split("/")[0] for path in sent} == {"libs", "pyproject.toml", "services", "tools", "uv.lock"}
    assert {path for path in sent if path.startswith("tools/")} == {"tools/get_uv.py"}
    assert not any("SECRET" in (out / path).read_text(errors="replace") for path in sent)
