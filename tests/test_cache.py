"""What a build does again after a change, and what it leaves alone: read from bake's own words."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagecraft.project import service_names

Bake = Callable[..., list[str]]

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="bake")
def _bake(run: Any, copy: Path, steps_done: Callable[[str], list[str]]) -> Bake:
    """Bake in a copy of the repository; give the steps that were done and not taken from the cache: "builder COPY"."""

    def bake(*arguments: str) -> list[str]:
        env = {"REGISTRY": "stagecraft/cache-", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
        command = ("docker", "buildx", "bake", "--progress", "rawjson", *(arguments or ("production",)))
        said = run(*command, cwd=copy, env=env).stdout
        return steps_done(said)

    settle(bake)
    return bake


def settle(bake: Bake) -> None:
    """Build, and once more: what several targets do at once in one build, BuildKit may do again in the next."""
    bake()
    bake()


@pytest.fixture(autouse=True)
def _removed(run: Any) -> Any:
    """Leave no image behind."""
    yield
    run("docker", "rmi", "--force", *(f"stagecraft/cache-{service}:dev" for service in service_names()), code=None)


def edit(path: Path) -> None:
    """Change a file by a line that no build has seen."""
    path.write_text(f"{path.read_text()}\n# {uuid.uuid4()}\n")


def layers(inspect: Callable[[str], Any], service: str) -> list[str]:
    """Give the layers of a service's image."""
    return list(inspect(f"stagecraft/cache-{service}:dev")["RootFS"]["Layers"])


def test_an_unchanged_repository_builds_nothing(bake: Bake) -> None:
    """Every step comes from the cache."""
    assert bake() == []


@pytest.mark.parametrize(
    "path",
    ["README.md", "docs/design.md", "services/echo/tests/test_echo.py", "libs/chassis/tests/test_app.py",
     "services/echo/smoke.yaml", "deploy/base/pod.yaml", "tools/src/stagecraft/cli.py"],
)  # fmt: skip
def test_what_does_not_ship_builds_nothing(bake: Bake, copy: Path, path: str) -> None:
    """A document, a test, a manifest or a tool is in no step of production."""
    edit(copy / path)

    assert bake() == []


def test_one_service_rebuilds_its_own_last_steps(bake: Bake, copy: Path, inspect: Any) -> None:
    """Its sources, their install, the layer with them: no dependency, no compiler, no other service."""
    before = {service: layers(inspect, service) for service in service_names()}
    edit(copy / "services/echo/src/echo/routes.py")

    assert bake() == ["builder COPY", "builder RUN", "production COPY"]
    changed = {service: set(layers(inspect, service)) - set(before[service]) for service in service_names()}
    assert {service: len(new) for service, new in changed.items()} == {
        service: int(service == "echo") for service in service_names()
    }


def test_a_library_rebuilds_those_that_need_it(bake: Bake, copy: Path) -> None:
    """A library is chosen anew for every service, and only those that depend on it go on."""
    library = copy / "libs" / "spare"
    (library / "src" / "spare").mkdir(parents=True)
    (library / "src" / "spare" / "__init__.py").write_text('"""Spare."""\n')
    pyproject = (copy / "libs/chassis/pyproject.toml").read_text()
    (library / "pyproject.toml").write_text(pyproject.replace('"chassis"', '"spare"'))
    settle(bake)

    edit(library / "src/spare/__init__.py")
    assert set(bake()) == {"needed RUN"}

    edit(copy / "libs/chassis/src/chassis/probes.py")
    done = bake()
    assert {"builder COPY", "builder RUN", "production COPY"} <= set(done)
    assert not {step for step in done if step.startswith(("base", "debian", "uv"))}
    assert done.count("builder RUN") == len(service_names())


def test_what_all_share_is_built_once(bake: Bake, run: Any) -> None:
    """Base and the environment of every service: even from nothing, whatever the number of services."""
    done = bake("--no-cache", "production")

    assert done.count("debian RUN") == 1
    assert done.count("base COPY") == 1
    assert done.count("environment RUN") == 1
    # one install for all services that need the same
    export = ("uv", "export", "--frozen", "--quiet", "--no-header", "--no-emit-workspace", "--format", "pylock.toml")
    locks = {run(*export, "--package", service).stdout for service in service_names()}
    assert 1 < len(locks) < len(service_names())
    assert done.count("dependencies RUN") == len(locks)
    # that environment, and of each service what it has besides and its sources
    assert done.count("production COPY") == 1 + 2 * len(service_names())
