"""What a stage promises beyond the image that it ends in."""

from pathlib import Path
from typing import Any

import pytest

from stagecraft.project import service_names


def bake(run: Any, folder: Path, *targets: str, code: int = 0) -> str:
    """Bake in a copy of the repository and give the output."""
    # newer buildx asks before it reads the CA bundle, which is outside the folder
    env = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    return str(run("docker", "buildx", "bake", "--progress", "plain", *targets, cwd=folder, code=code, env=env).stdout)


def test_every_service_passes_its_tests_in_its_own_stage(run: Any) -> None:
    """`bake test` runs each service's tests where only that service's locked dependencies are."""
    run("make", "build", "TARGETS=test")


def test_a_failing_test_fails_the_build_and_says_why(run: Any, copy: Path) -> None:
    """The build ends with an error and pytest's own words."""
    (copy / "services/echo/tests/test_broken.py").write_text("def test_broken():\n    assert 1 + 1 == 3\n")

    said = bake(run, copy, "test", code=1)

    assert "assert (1 + 1) == 3" in said
    assert "FAILED services/echo/tests/test_broken.py::test_broken" in said


def test_an_undeclared_import_fails(run: Any, copy: Path) -> None:
    """A package that only the workspace has is not there for a service that does not declare it."""
    (copy / "services/echo/tests/test_undeclared.py").write_text("import typer\n")

    assert "ModuleNotFoundError: No module named 'typer'" in bake(run, copy, "echo-test", code=1)


@pytest.mark.parametrize("target", ["production", "test"])
def test_a_wrong_service_is_told_the_right_ones(run: Any, target: str) -> None:
    """`--build-arg SERVICE=nosuch` fails with the list."""
    said = run("docker", "build", "--target", target, "--build-arg", "SERVICE=nosuch", ".", code=1).stdout

    assert "there is no service 'nosuch', but there are:" in said
    assert all(f"  {service}\n" in said for service in service_names())


@pytest.mark.parametrize("version", ["3.11", "3.13", "3.14"])
def test_every_supported_python_passes_the_tests(run: Any, version: str) -> None:
    """One commit, each Python."""
    run("make", "build", "TARGETS=test", f"PYTHON_VERSION={version}")
