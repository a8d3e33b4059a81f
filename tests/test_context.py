"""What may reach a build: .dockerignore is an allowlist."""

from pathlib import Path
from typing import Any

import pytest

from stagecraft.project import ROOT

LEAKS = [
    ".env",
    ".git/config",
    "big.bin",
    "deploy/key.pem",
    "libs/chassis/.env",
    "libs/key.pem",
    "services/echo/.env",
    "services/echo/key.pem",
    "services/echo/src/echo/__pycache__/app.pyc",
    "services/health/frontend/.npmrc",
    "services/health/frontend/node_modules/esbuild/key.pem",
    "tools/src/stagecraft/token",
]

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="leaky")
def _leaky(copy: Path) -> Path:
    """Put secrets, a .git and a large file into a copy of the repository."""
    for name in LEAKS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("SECRET")
    (copy / "big.bin").write_bytes(b"SECRET" * 4_000_000)
    return copy


def test_nothing_leaks_to_the_builder(run: Any, leaky: Path) -> None:
    """All that any build could copy is what .dockerignore names."""
    (leaky / "probe.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    out = leaky.parent / "out"

    run("docker", "buildx", "build", "--file", "probe.Dockerfile", "--output", str(out), ".", cwd=leaky)

    sent = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert not set(LEAKS) & sent
    assert {path.split("/")[0] for path in sent} == {"libs", "pyproject.toml", "services", "tools", "uv.lock"}
    assert {path for path in sent if path.startswith("tools/")} == {
        "tools/add_layer.sh",
        "tools/compile_modules.py",
        "tools/get_uv.py",
        "tools/harden.py",
        "tools/needed.py",
        "tools/reload.py",
    }
    assert not any("SECRET" in (out / path).read_text(errors="replace") for path in sent)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["--target", "builder"], ["/app", "/src"]),
        (["--target", "frontend", "--build-arg", "SERVICE=health"], ["/frontend", "-not", "-path", "*/.venv/*"]),
        (["--file", "Dockerfile.single-stage"], ["/app"]),
    ],
    ids=["builder", "frontend", "single-stage"],
)
def test_nothing_leaks_into_an_image(run: Any, leaky: Path, arguments: list[str], where: list[str]) -> None:
    """Not into the builder stage, and not where everything is copied."""
    image = run("docker", "build", "--quiet", *arguments, ".", cwd=leaky).stdout.split()[-1]
    names = sorted({Path(name).name for name in LEAKS} - {"config", "token"})
    tests = [word for name in names for word in ("-o", "-name", name)][1:]

    found = run("docker", "run", "--rm", image, "find", *where, "(", *tests, ")").stdout.split()
    run("docker", "rmi", image)

    assert found == []


def test_both_lists_let_the_same_tools_through() -> None:
    """What the Dockerfile's own list names of tools/, the strict one names too, and so `make affected` knows it."""
    named = [
        sorted(line for line in (ROOT / name).read_text().splitlines() if line.startswith("!tools/"))
        for name in (".dockerignore", "Dockerfile.dockerignore")
    ]

    assert named[0] == named[1] != []
