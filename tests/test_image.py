"""The contract of every image that ships: what is in it, what is not, and how it runs."""

import json
import stat
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from stagecraft import frontend
from stagecraft.bake import variables
from stagecraft.project import locked_version, service_names

UID = 10001
HELD = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]
ABOVE_BASE_MB = 40

# Imports every extension module by its file's place, and prints how many there are.
LOAD = """
import importlib, pathlib, sysconfig
names = []
for kind, folder in (("stdlib", "lib-dynload"), ("purelib", ".")):
    top = pathlib.Path(sysconfig.get_path(kind), folder)
    for path in top.rglob("*.so"):
        names.append(".".join([*path.relative_to(top).parent.parts, path.name.partition(".")[0]]))
        if "_test" not in names[-1] and "xx" not in names[-1] and "_tkinter" not in names[-1]:
            importlib.import_module(names[-1])
print(len(names))
"""

pytestmark = [
    pytest.mark.parametrize("group", ["production", "hardened"]),
    pytest.mark.parametrize("service", service_names()),
]


@pytest.fixture
def image(images: dict[str, str], service: str, group: str) -> str:
    """Give the service's image of the group."""
    return images[f"{service}-{group}"]


@pytest.fixture
def base_image(images: dict[str, str], group: str) -> str:
    """Give what it stands on, as an image of its own."""
    return images["base-hardened" if group == "hardened" else "base"]


def files(image: str) -> Iterator[tarfile.TarInfo]:
    """Give every entry of an image's file system."""
    made = subprocess.run(
        ["docker", "create", image, "python"], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        with subprocess.Popen(["docker", "export", made], stdout=subprocess.PIPE) as export:
            assert export.stdout
            with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
                yield from archive
    finally:
        subprocess.run(["docker", "rm", made], check=True, capture_output=True)


def test_the_user_is_a_number_with_a_name(image: str, run: Any, inspect: Any) -> None:
    """Kubernetes can tell that it is not root, and a person sees a name."""
    script = "import grp, os, pwd; print(os.getgroups(), pwd.getpwuid(os.getuid())[0], grp.getgrgid(os.getgid())[0])"

    assert inspect(image)["Config"]["User"] == f"{UID}:{UID}"
    assert run("docker", "run", "--rm", image, "python", "-c", script).stdout.strip() == f"[{UID}] appuser appuser"


def test_it_runs_held_tightly_and_turns_healthy(
    image: str, run: Any, inspect: Any, container: Any, wait_until_healthy: Any
) -> None:
    """It needs no capability, no network, no place to write; its HEALTHCHECK says so; SIGTERM ends it with 0."""
    name = container(*HELD, "--env", "DRAIN_SECONDS=1", image)
    wait_until_healthy(name)

    start = time.monotonic()
    run("docker", "stop", "--time", "20", name)

    assert inspect(name)["State"]["ExitCode"] == 0
    assert time.monotonic() - start < 1 + 2, "it takes longer than its drain and a second or two"


def test_pid_1_has_no_capability(image: str, run: Any, container: Any) -> None:
    """What the kernel says of the process is what was asked for."""
    name = container(*HELD, image)
    said = run("docker", "exec", name, "python", "-c", "print(open('/proc/1/status').read().strip())").stdout
    status = dict(line.split(":\t", 1) for line in said.splitlines())

    assert status["Uid"].split() == [str(UID)] * 4
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_nothing_but_the_service_is_in_it(image: str, base_image: str, service: str) -> None:
    """No installer, compiler, apt lists, tests, sources, caches or .git; no setuid file that the base lacks."""
    entries = {entry.name: entry for entry in files(image)}
    paths = [PurePosixPath(name) for name in entries]
    setuid = {name for name, entry in entries.items() if entry.isfile() and entry.mode & (stat.S_ISUID | stat.S_ISGID)}

    assert not {"uv", "uvx", "pip", "pip3", "gcc", "cc", "make", "ld", "git", "pytest", "node", "npm"} & {
        path.name for path in paths if path.parent.name in {"bin", "sbin"}
    }
    # certifi ships a folder of tests in its wheel
    assert not [path for path in paths if path.name in {".git", "tests", "uv.lock"} and "certifi" not in path.parts]
    assert not [path for path in paths if path.parent.name in {"site-packages", "dist-packages"}
                and path.name.split("-")[0] in {"pip", "uv", "pytest", "httpx2", "uvicorn"}]  # fmt: skip
    assert not [
        path for path in paths if "lib/apt/lists" in str(path) and entries[str(path)].isfile() and path.name != "lock"
    ]
    assert not [path for path in paths if ".cache" in path.parts or path.match("pip-*.whl")]
    assert not [
        path for path in paths if path.suffix in {".ts", ".map"} or path.name in {"node_modules", "package.json"}
    ]
    assert {path.name for path in paths if path.parent == PurePosixPath("app")} == {".venv"}
    assert setuid <= {entry.name for entry in files(base_image) if entry.mode & (stat.S_ISUID | stat.S_ISGID)}
    assert [path for path in paths if path.parts[-2:] == ("site-packages", service)], "the service itself"


def test_a_front_end_is_a_few_small_files(image: str, service: str) -> None:
    """Where a service has one, its bundle is beside the packages, 100 kB at most; where not, nothing is."""
    share = PurePosixPath("app/.venv/share")
    sizes = {PurePosixPath(one.name): one.size for one in files(image) if one.name.startswith(f"{share}")}
    manifest = share / service / "manifest.json"

    assert (manifest in sizes) == bool(sizes) == (frontend.folder(service) is not None)
    assert {path.parent for path in sizes if path.suffix} <= {manifest.parent, manifest.parent / "assets"}
    assert sum(sizes.values()) < 100_000


def test_the_process_can_write_to_tmp_alone(image: str) -> None:
    """Not even its own code: what breaks in can't stay."""
    writable = [
        entry.name
        for entry in files(image)
        if not entry.issym()
        and (entry.mode & stat.S_IWOTH or (entry.uid == UID and entry.mode & stat.S_IWUSR)
             or (entry.gid == UID and entry.mode & stat.S_IWGRP))
    ]  # fmt: skip

    # /dev is the engine's, at run time
    assert [name for name in writable if not name.startswith("dev/")] == ["tmp"]


def test_it_is_base_and_what_the_service_adds(image: str, base_image: str, run: Any, inspect: Any) -> None:
    """All that a service adds to base's own steps is copied: /app, and in it an environment of at most 40 MB."""
    steps = {
        name: run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", name).stdout.splitlines()
        for name in (image, base_image)
    }
    added = steps[image][: -len(steps[base_image])]

    assert steps[image] == added + steps[base_image]
    assert [step.split()[0] for step in added if step.startswith(("COPY", "RUN", "ADD"))] == ["COPY"] * 3
    assert inspect(image)["RootFS"]["Layers"][:1] == inspect(base_image)["RootFS"]["Layers"]
    assert inspect(image)["Size"] - inspect(base_image)["Size"] <= ABOVE_BASE_MB * 1e6


def test_every_distribution_is_the_locked_one(image: str, run: Any, service: str) -> None:
    """Name by name, what is installed is what uv.lock resolves for the service: no more, no less."""
    script = (
        "import json, platform; from importlib.metadata import distributions as found;"
        "names = {d.name.lower().replace('_', '-'): d.version for d in found()};"
        "print(json.dumps([platform.python_version(), names]))"
    )
    version, installed = json.loads(run("docker", "run", "--rm", image, "python", "-c", script).stdout)
    exported = run(
        "uv", "export", "--quiet", "--frozen", "--no-default-groups", "--no-hashes", "--no-annotate", "--no-header",
        "--no-emit-workspace", "--package", service,
    ).stdout.splitlines()  # fmt: skip
    requirements = [Requirement(line) for line in exported]
    environment: dict[str, Any] = {**default_environment()} | {
        "python_version": version.rpartition(".")[0],
        "python_full_version": version,
    }
    expected = {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }

    assert installed == expected | {"chassis": locked_version("chassis"), service: locked_version(service)}


def test_its_labels_are_true(image: str, inspect: Any, service: str) -> None:
    """Title, version, revision and time are those of the commit that was built."""
    labels = inspect(image)["Config"]["Labels"]
    built = variables()
    seconds = int(built["SOURCE_DATE_EPOCH"])

    assert labels["org.opencontainers.image.title"] == service
    assert labels["org.opencontainers.image.version"] == "dev"
    assert labels["org.opencontainers.image.revision"] == built["REVISION"]
    assert labels["org.opencontainers.image.source"] == built.get("SOURCE", "unknown")
    assert labels["org.opencontainers.image.created"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    assert inspect(image)["Created"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)))


def test_every_extension_module_finds_its_libraries(image: str, run: Any) -> None:
    """All that is compiled can be loaded, of the standard library and of what is installed."""
    done = run("docker", "run", "--rm", image, "python", "-c", LOAD)

    assert int(done.stdout) > 0
