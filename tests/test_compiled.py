"""What a service wants compiled: an extension where it ships and where it is tested, source where it is edited."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from stagecraft import python_image
from stagecraft.project import compiled, service_names

WANTED = [(service, module) for service in service_names() for module in compiled(service)]
# Prints where a module comes from, and all files that its package has.
SHOW = """
import importlib, pathlib, sys
module = importlib.import_module(sys.argv[1])
print(module.__file__)
print(*(path for path in pathlib.Path(module.__file__).parent.rglob("*") if path.is_file()))
"""
# Prints which machine each extension in a folder is for: 183 is arm64 in every ELF file's head.
MACHINES = """
import pathlib, sys
for path in pathlib.Path(sys.argv[1]).glob("*.so"):
    print(int.from_bytes(path.read_bytes()[18:20], "little"))
"""
# Distances of the largest batch there may be: interpreted it takes more than a minute.
LARGEST = {"pairs": [{"before": "abcd" * 1_000, "after": "badc" * 1_000}] * 16}

pytestmark = pytest.mark.usefixtures("engine_here")


def built(run: Any, stage: str, service: str) -> str:
    """Build a stage of a service and give the image's id."""
    arguments = ("--target", stage, "--build-arg", f"SERVICE={service}")
    return str(run("docker", "build", "--quiet", *arguments, ".").stdout.split()[-1])


def shown(run: Any, image: str, module: str) -> tuple[str, list[str]]:
    """Give the file that a module is imported from in an image, and the files of its package."""
    file, files = run("docker", "run", "--rm", image, "python", "-c", SHOW, module).stdout.strip().split("\n")
    return file, files.split()


def test_something_is_compiled() -> None:
    """There is a service to show it with."""
    assert WANTED


@pytest.mark.parametrize("group", ["production", "hardened"])
@pytest.mark.parametrize(("service", "module"), WANTED)
def test_what_ships_is_compiled(run: Any, images: dict[str, str], service: str, module: str, group: str) -> None:
    """Nothing could stand in for the extension: there is no source of the module, nor the C that was made of it."""
    file, files = shown(run, images[f"{service}-{group}"], module)
    name = module.rpartition(".")[2]

    assert file.endswith("-linux-gnu.so")
    assert not [path for path in files if Path(path).name in {f"{name}.py", f"{name}.c"} or path.endswith((".c", ".h"))]
    assert not [path for path in files if "__pycache__" in path and Path(path).name.startswith(f"{name}.")]


@pytest.mark.parametrize(("service", "module"), WANTED)
def test_what_is_tested_is_what_ships(run: Any, service: str, module: str) -> None:
    """The test stage has the extension, and not the source that the same tests have on this machine."""
    assert shown(run, built(run, "test", service), module)[0].endswith("-linux-gnu.so")


@pytest.mark.parametrize(("service", "module"), WANTED)
def test_what_is_edited_is_source(run: Any, service: str, module: str) -> None:
    """The development stage has no extension, which would be imported in place of an edited source."""
    file, files = shown(run, built(run, "development", service), module)

    assert file == f"/app/services/{service}/src/{module.replace('.', '/')}.py"
    assert not [path for path in files if path.endswith(".so")]


def test_an_edit_of_it_reloads(run: Any, copy: Path, container: Any, wait_until_healthy: Any) -> None:
    """In development, the module that is compiled elsewhere is edited like any other."""
    folders = ("libs/chassis/src", "services/compare/src")
    mounts = [f"--volume={copy / folder}:/app/{folder}:ro" for folder in folders]
    name = container(*mounts, "--publish", "127.0.0.1::8000", built(run, "development", "compare"))
    wait_until_healthy(name)
    address = run("docker", "port", name, "8000").stdout.split()[0]
    source = copy / "services/compare/src/compare/compiled/distance.py"
    post = ("curl", "--silent", "--json", '{"before": "a", "after": "b"}', f"http://{address}/compare")
    assert json.loads(run(*post).stdout)["distance"] == 1

    source.write_text(source.read_text().replace("return row[len(codes)]", "return 4242"))

    deadline = time.monotonic() + 20
    while "4242" not in run(*post, code=None).stdout:
        assert time.monotonic() < deadline, run("docker", "logs", name).stdout
        time.sleep(0.1)


def test_what_does_not_compile_fails_the_build(run: Any, copy: Path) -> None:
    """It is told why; nothing falls back to the source."""
    source = copy / "services/compare/src/compare/compiled/distance.py"
    source.write_text(source.read_text().replace("return row[len(codes)]", 'return "far"'))

    said = run("docker", "build", "--build-arg", "SERVICE=compare", ".", cwd=copy, code=1).stdout

    assert 'error: Incompatible return value type (got "str", expected "int")' in said


def test_who_wants_nothing_compiled_has_no_compiler(run: Any) -> None:
    """Such a service's build goes through the stage, but fetches nothing for it."""
    words = ("--progress", "plain", "--no-cache-filter", "compiled", "--target", "builder")

    assert "ziglang" in run("docker", "build", *words, "--build-arg", "SERVICE=compare", ".").stdout
    assert "ziglang" not in run("docker", "build", *words, "--build-arg", "SERVICE=echo", ".").stdout


def test_the_builder_has_no_compiler_either(run: Any) -> None:
    """It is in a cache, from which no stage takes more than what was compiled."""
    script = "find / -xdev ( -name ziglang* -o -name mypyc -o -path */bin/*gcc* -o -path */bin/cc )"

    assert run("docker", "run", "--rm", built(run, "builder", "compare"), *script.split()).stdout == ""


def test_it_is_compiled_for_another_machine_too(run: Any) -> None:
    """Without that machine, and without emulation; the headers are of the image for it, here the same for both."""
    image = "stagecraft/headers:test"
    link = "test ! -d x86_64-linux-gnu || ln -s x86_64-linux-gnu aarch64-linux-gnu"
    dockerfile = f"FROM {python_image.name(python_image.selected())}\nRUN cd /usr/include && {link}\n"
    subprocess.run(["docker", "build", "--tag", image, "-"], check=True, input=dockerfile.encode(), capture_output=True)
    arguments = ("TARGETARCH=arm64", "SERVICE=compare", f"PYTHON_IMAGE={image}")
    words = [word for argument in arguments for word in ("--build-arg", argument)]

    stage = run("docker", "build", "--quiet", "--target", "compiled", *words, ".").stdout.split()[-1]
    found = run("docker", "run", "--rm", stage, "python", "-c", MACHINES, "/built/compare/compiled").stdout

    assert found.splitlines() == ["183"] * 2
    run("docker", "rmi", stage, image)


def test_the_largest_batch_holds_nobody_up(
    run: Any, images: dict[str, str], container: Any, wait_until_healthy: Any, tmp_path: Path
) -> None:
    """It is answered in seconds however busy the machine, and probes meanwhile, in between pairs."""
    (tmp_path / "batch.json").write_text(json.dumps(LARGEST))
    name = container("--publish", "127.0.0.1::8000", images["compare-production"])
    wait_until_healthy(name)
    address = f"http://{run('docker', 'port', name, '8000').stdout.split()[0]}"
    curl = ("curl", "--silent", "--show-error", "--fail", "--max-time", "10")
    post = (*curl, "--json", f"@{tmp_path / 'batch.json'}", f"{address}/compare/batch")

    meanwhile = 0
    with subprocess.Popen(post, stdout=subprocess.PIPE) as batch:
        while batch.poll() is None:
            run(*curl, f"{address}/livez")
            meanwhile += batch.poll() is None
        assert batch.stdout
        answer = json.load(batch.stdout)

    assert len(answer["results"]) == len(LARGEST["pairs"])
    assert meanwhile > 1, "no probe was answered before the batch was"
