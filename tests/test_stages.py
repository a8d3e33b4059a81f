"""What a stage promises beyond the image that it ends in."""

import os
import re
import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from stagecraft import python_image, unit
from stagecraft.project import ROOT, compiled, service_names

BROKEN = "def test_broken():\n    assert 1 + 1 == 3\n"

pytestmark = pytest.mark.usefixtures("engine_here")


def bake(run: Any, folder: Path, *targets: str, code: int = 0) -> str:
    """Bake in a copy of the repository and give the output."""
    # newer buildx asks before it reads the CA bundle, which is outside the folder
    env = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    return str(run("docker", "buildx", "bake", "--progress", "plain", *targets, cwd=folder, code=code, env=env).stdout)


def reported(folder: Path) -> tuple[list[str], list[str]]:
    """Give the names of the tests and the files that a service's reports tell of."""
    cases = ET.parse(folder / "junit.xml").iter("testcase")  # noqa: S314 - written by our own pytest
    files = ET.parse(folder / "coverage.xml").iter("class")  # noqa: S314 - the same
    return sorted(case.attrib["name"] for case in cases), sorted(file.attrib["filename"] for file in files)


@pytest.mark.parametrize("service", service_names())
def test_a_service_passes_its_tests_in_its_own_stage(run: Any, service: str) -> None:
    """`bake SERVICE-test` runs them where only its locked dependencies are, and reports them and its own files."""
    said = run("make", "test-service", f"SERVICE={service}").stdout
    folder = unit.REPORTS / service
    tests, files = reported(folder)

    assert f"{len(tests)} tests passed" in said
    sources = [str(path.relative_to(ROOT)) for path in (ROOT / "services" / service / "src").rglob("*.py")]
    # what is compiled has no lines to cover
    extensions = [f"services/{service}/src/{module.replace('.', '/')}.py" for module in compiled(service)]
    assert files == sorted({*sources} - {*extensions})
    assert {path.stat().st_uid for path in folder.iterdir()} == {os.geteuid()}


def test_unchanged_tests_are_not_run_again(run: Any) -> None:
    """The same reports come from the cache."""
    run("make", "test-service", "SERVICE=echo")
    first = (unit.REPORTS / "echo" / "junit.xml").read_text()
    said = run("make", "test-service", "SERVICE=echo").stdout

    assert (unit.REPORTS / "echo" / "junit.xml").read_text() == first
    assert "test session starts" not in said


def test_a_service_is_tested_without_an_engine_too(run: Any) -> None:
    """The same tests pass in an environment of this machine, and the same files are reported."""
    run("make", "test-service", "SERVICE=echo")
    in_engine = reported(unit.REPORTS / "echo")
    run("make", "test-service", "SERVICE=echo", "ENGINE=none", env={"DOCKER_HOST": "unix:///none"})

    assert reported(unit.REPORTS / "echo") == in_engine


def test_a_failing_service_hides_no_other(run: Any, copy: Path) -> None:
    """Each is tested although one before it fails, and the failing one is named."""
    (copy / "services/echo/tests/test_broken.py").write_text(BROKEN)
    env = {"DOCKER_HOST": "unix:///none"}

    said = run("make", "test-service", "ENGINE=none", cwd=copy, env=env, code=2).stdout

    assert "FAILED services/echo/tests/test_broken.py::test_broken" in said
    assert f"tests of 1 of {len(service_names())} services failed\necho: " in said
    assert len(reported(copy / "dist/test/health")[0]) > 0


def test_a_failing_test_fails_the_build_and_says_why(run: Any, copy: Path) -> None:
    """The build ends with an error and pytest's own words."""
    (copy / "services/echo/tests/test_broken.py").write_text(BROKEN)

    said = bake(run, copy, "test", code=1)

    assert "assert (1 + 1) == 3" in said
    assert "FAILED services/echo/tests/test_broken.py::test_broken" in said


def test_an_undeclared_import_fails(run: Any, copy: Path) -> None:
    """A package that only the workspace has is not there for a service that does not declare it."""
    (copy / "services/echo/tests/test_undeclared.py").write_text("import typer\n")

    assert "ModuleNotFoundError: No module named 'typer'" in bake(run, copy, "echo-test", code=1)


@pytest.mark.parametrize(
    ("file", "wrong", "complaint"),
    [
        ("src/poll.ts", 'export const many: number = "one";', "Type 'string' is not assignable to type 'number'"),
        ("test/poll.test.ts", 'test("broken", () => assert.equal(1 + 1, 3));', "2 !== 3"),
    ],
)
def test_a_broken_front_end_fails_the_build(run: Any, copy: Path, file: str, wrong: str, complaint: str) -> None:
    """A bundler alone would drop types without a look at them."""
    with (copy / "services/health/frontend" / file).open("a") as source:
        source.write(f"{wrong}\n")

    assert complaint in bake(run, copy, "health-production", code=1)


def made(said: str) -> set[str]:
    """Give the steps that a build made and did not take from the cache, as `frontend RUN npm …`."""
    steps = dict(re.findall(r"^#(\d+) \[health-production (\w+ +\d/\d\] .*)$", said, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED$", said, re.MULTILINE))
    return {re.sub(r" +\d/\d\]", "", step) for number, step in steps.items() if number not in cached}


def test_neither_half_of_a_service_rebuilds_the_other(run: Any, copy: Path) -> None:
    """An edit of TypeScript installs nothing; one of Python bundles nothing; of echo, neither makes anything."""
    # what several targets do at once in one build, BuildKit may do again in the next
    for _ in range(3):
        bake(run, copy, "health-production", "echo-production")

    with (copy / "services/health/frontend/src/app.ts").open("a") as source:
        source.write(f"document.body.dataset['edited'] = '{uuid.uuid4()}';\n")
    of_typescript = made(bake(run, copy, "health-production", "echo-production"))
    with (copy / "services/health/src/health/page.py").open("a") as source:
        source.write(f"EDITED = '{uuid.uuid4()}'\n")
    of_python = made(bake(run, copy, "health-production", "echo-production"))

    assert sorted(step.split()[0] for step in of_typescript if not step.startswith("python ")) == sorted(
        ["own"] + ["frontend"] * 2 + ["builder", "production"]
    )
    assert not any("npm ci" in step or "uv" in step for step in of_typescript)
    assert any("uv pip install" in step or step.startswith("builder RUN") for step in of_python)
    assert not any(step.startswith("frontend") for step in of_python)


@pytest.mark.parametrize("target", ["production", "test"])
def test_a_wrong_service_is_told_the_right_ones(run: Any, target: str) -> None:
    """`--build-arg SERVICE=nosuch` fails with the list."""
    said = run("docker", "build", "--target", target, "--build-arg", "SERVICE=nosuch", ".", code=1).stdout

    assert "there is no service 'nosuch', but there are:" in said
    assert all(f"  {service}\n" in said for service in service_names())


@pytest.mark.parametrize("version", list(python_image.RELEASES))
def test_every_supported_python_passes_the_tests(run: Any, version: str) -> None:
    """One commit, each Python."""
    run("make", "build", "TARGETS=test", f"PYTHON_VERSION={version}")


def test_an_unsupported_python_is_refused_by_the_build(run: Any, copy: Path) -> None:
    """Where python:3.12-slim can be had, base still says which versions there are."""
    supported = " | ".join(python_image.RELEASES)
    dockerfile = (copy / "Dockerfile").read_text().replace(f"{supported})", "3.10)")
    (copy / "Dockerfile").write_text(dockerfile)

    assert "is not supported, but 3.11, 3.13 and 3.14 are" in run("docker", "build", ".", cwd=copy, code=1).stdout


def test_an_edit_is_installed_anew(run: Any, copy: Path) -> None:
    """uv's cache never hands out a member as it was before an edit, in an environment or in an image."""
    edited = copy / "services/echo/src/echo/models.py"
    sync = ("uv", "sync", "--quiet", "--frozen", "--no-editable", "--no-default-groups", "--package", "echo")
    env = {"UV_PROJECT_ENVIRONMENT": str(copy / "environment")}
    for mark in ("first", "second"):
        edited.write_text(f"{edited.read_text()}\nMARK = {mark!r}\n")
        print_mark = ("-c", "from echo.models import MARK; print(MARK)")

        run(*sync, cwd=copy, env=env)
        image = run("docker", "build", "--quiet", ".", cwd=copy).stdout.split()[-1]

        assert run(str(copy / "environment/bin/python"), *print_mark).stdout.strip() == mark
        assert run("docker", "run", "--rm", image, "python", *print_mark).stdout.strip() == mark
        run("docker", "rmi", image)


def test_what_is_required_elsewhere_is_not_preloaded(run: Any) -> None:
    """Development starts though a requirement is of another platform, or an extra's."""
    script = (
        "import importlib.metadata, sys; sys.path.insert(0, 'tools'); import reload;"
        "importlib.metadata.requires = lambda _: ['fastapi>=0.1', 'colorama; sys_platform == \"win32\"'];"
        "print(reload.preloaded('echo'))"
    )
    image = run("docker", "build", "--quiet", "--target", "development", ".").stdout.split()[-1]

    assert run("docker", "run", "--rm", image, "python", "-c", script).stdout == "{'fastapi'}\n"


@pytest.mark.parametrize(("what", "code"), [("dependencies", 0), ("members", 1)])
def test_only_others_may_ship_what_is_no_python(run: Any, what: str, code: int) -> None:
    """A package's template that can't be compiled stays as it is; a member's ends the build."""
    image = run("docker", "build", "--quiet", "--target", "builder", ".").stdout.split()[-1]
    script = f"echo '{{{{ name }}}} =' >/app/template.py && /add_layer {what}"
    mount = f"{ROOT}/tools/add_layer.sh:/add_layer:ro"

    run("docker", "run", "--rm", "--env=FILE_TIME=315532800", "--volume", mount, image, "sh", "-c", script, code=code)
