"""What the stage `needed` says of each service, in workspaces that are made of this one."""

import sys
from pathlib import Path
from typing import Any

import pytest


def needed(run: Any, copy: Path, requirement: str, code: int = 0) -> str:
    """Have echo need one more thing, and give what the script says."""
    project = copy / "services" / "echo" / "pyproject.toml"
    text = project.read_text().replace('dependencies = ["chassis", ', f"dependencies = [{requirement}, ")
    project.write_text(text + "\n[tool.uv.sources]\nhealth = { workspace = true }\n")
    run("uv", "lock", "--quiet", cwd=copy)
    return str(run(sys.executable, "tools/needed.py", str(copy / "needed"), cwd=copy, code=code).stdout)


@pytest.mark.parametrize(
    "requirement", ['"chassis"', "\"chassis ; sys_platform == 'linux'\""], ids=["always", "marker"]
)
def test_a_library_is_a_folder(run: Any, copy: Path, requirement: str) -> None:
    """Whenever it is that the service needs it."""
    needed(run, copy, requirement)

    assert (copy / "needed" / "echo" / "libs.txt").read_text() == "libs/chassis\n"


def test_a_service_that_needs_a_service_is_named(run: Any, copy: Path) -> None:
    """Not a folder that is missing in a step that all services share."""
    said = needed(run, copy, '"chassis", "health"', code=1)

    assert said == "echo needs services/health, but of the members a service may need only those in libs/\n"
