"""A new service, and the lists that follow from the folders, in a copy of the repository."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stagecraft import lists, new, scaffold, sync
from stagecraft.edits import Edits
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names

Run = Callable[..., str]
# What health watches.
SIBLINGS = {name: f"http://{name}:8000/health" for name in service_names() if name != "health"}


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    """Commit a copy of the repository to one of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, cwd=ROOT, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    for command in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@example.com commit --quiet -m copy"):
        subprocess.run(["git", *command.split()], check=True, cwd=tmp_path)
    return tmp_path


@pytest.fixture(name="run")
def _run(copy: Path) -> Run:
    """Run a program in the copy, both its streams in one; `code` is what it must end with."""

    def run(*command: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            command, check=False, cwd=copy, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(copy / "tools/src"), "PYTHONDONTWRITEBYTECODE": "1"} | env,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


@pytest.fixture(name="stagecraft")
def _stagecraft(run: Run) -> Run:
    """Run the copy's own command."""
    return partial(run, sys.executable, "-m", "stagecraft")


def disagreeing(copy: Path) -> Edits:
    """Give what `make sync` would do in the copy."""
    edits = Edits(copy)
    sync.plan(edits, service_names(copy))
    return edits


def synced(copy: Path, *names: str) -> None:
    """Do in the copy what `make new` does, or with no name `make sync`, but for the lock."""
    for name in names:
        edits = Edits(copy)
        scaffold.add_service(edits, name)
        edits.apply()
    disagreeing(copy).apply()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "one word"),
        ("a", "one word"),
        ("Greeter", "one word"),
        ("my-service", "one word"),
        ("my_service", "one word"),
        ("1st", "one word"),
        ("greeter\n", "one word"),
        ("../echo", "one word"),
        ("x" * 31, "one word"),
        ("class", "keyword"),
        ("json", "Python has a module"),
        ("httpx", "uv.lock has a package"),
        ("chassis", "uv.lock has a package"),
        ("yaml", "an installed package has a module"),
        ("base", "target or group"),
        ("builder", "target or group"),
        ("default", "target or group"),
        ("production", "target or group"),
        ("service", "target or group"),
        ("tests", "no image may hold"),
        ("localhost", "every machine's own name"),
        ("pod", "deploy/base/pod.yaml already"),
        ("kustomization", "kustomization.yaml already"),
        ("behavior", "deploy/components/autoscaling/behavior.yaml already"),
    ],
)
def test_a_name_that_would_clash_is_refused(name: str, reason: str) -> None:
    """With what it clashes with: as a package, a module, a target, a file or a host."""
    assert reason in str(new.refusal(name) or "")


@pytest.mark.parametrize("name", ["greeter", "ab", "x" * 30, "v2"])
def test_a_good_name_is_not_refused(name: str) -> None:
    """What is refused above is refused for its reason."""
    assert new.refusal(name) is None


def test_a_refusal_changes_nothing(run: Run, stagecraft: Run) -> None:
    """It names the reason and an example, and the exit code says that the command was wrong."""
    assert "there is a service echo already" in stagecraft("new", "echo", code=Exit.USAGE)
    assert "make new SERVICE=greeter" in stagecraft("new", "my-service", code=Exit.USAGE)
    assert not run("git", "status", "--porcelain")


@pytest.mark.parametrize("name", ["greeter", "z" * 30])
def test_it_comes_into_every_list_and_goes_without_a_trace(name: str, copy: Path, run: Run, stagecraft: Run) -> None:
    """One command each way; in between, lists and lock agree, and nothing is left for a linter to say."""
    assert "Try next" in stagecraft("new", name)

    stagecraft("sync", "--check")
    run("uv", "lock", "--check", "--quiet")
    run("ruff", "check", "--no-cache", "services")
    run("ruff", "format", "--check", "--no-cache", "services")
    run("yamllint", "--strict", ".")
    assert "nothing to do" in stagecraft("sync")
    before = run("git", "status", "--porcelain", "--untracked-files=all")
    assert {line[3:] for line in before.splitlines() if line.startswith(" M")} == {
        ".vscode/launch.json", "README.md", "docker-bake.hcl", "uv.lock",
        "deploy/compose.yaml", "deploy/base/health.env", "deploy/base/kustomization.yaml",
        "deploy/overlays/kind/kustomization.yaml",
        "deploy/overlays/production/images/kustomization.yaml",
        *(f"deploy/components/{one}/kustomization.yaml" for one in ("autoscaling", "ingress", "network-policies")),
    }  # fmt: skip

    shutil.rmtree(copy / "services" / name)
    assert "services/" in stagecraft("sync", "--check", code=Exit.FAILED)
    stagecraft("sync")

    assert not run("git", "status", "--porcelain", "--untracked-files=all")


def test_ports_are_the_next_free(copy: Path) -> None:
    """Each service has its own, on this machine and on a cluster's nodes; another's end moves nobody."""
    synced(copy, "first")
    synced(copy, "second")
    shutil.rmtree(copy / "services/first")
    synced(copy)
    synced(copy, "third")

    ports, nodes = lists.ports((ROOT / lists.COMPOSE).read_text()), lists.node_ports(Edits(ROOT))
    assert lists.ports((copy / lists.COMPOSE).read_text()) == {
        **ports,
        "second": max(ports.values()) + 2,
        "third": max(ports.values()) + 3,
    }
    assert f"nodePort: {max(nodes.values()) + 3}\n" in (copy / "deploy/overlays/kind/third.yaml").read_text()


def test_what_people_wrote_stays(copy: Path) -> None:
    """Files of a service, comments, services of another kind, and targets that are nobody's siblings."""
    synced(copy, "greeter")
    edited: dict[str, Callable[[str], str]] = {
        "deploy/base/greeter.yaml": lambda text: text.replace("port: 8000", "port: 80"),
        "deploy/base/kustomization.yaml": lambda text: text.replace("  - echo.yaml", "  - echo.yaml\n  - redis.yaml"),
        "deploy/compose.yaml": lambda text: f"{text}\n  # a cache\n  redis:\n    image: redis:8\n\nvolumes: {{}}\n",
        "deploy/base/health.env": lambda text: text.replace(
            '"http://greeter:8000/health"',
            '{"url": "http://greeter:8000/health", "required": false}, "site": "http://site:8000/"',
        ),
    }
    for path, edit in edited.items():
        (copy / path).write_text(edit((copy / path).read_text()))
    (copy / "deploy/base/redis.yaml").write_text("kind: Service\n")
    texts = {path: (copy / path).read_text() for path in edited}

    synced(copy)
    assert {path for path in edited if (copy / path).read_text() != texts[path]} == {"deploy/base/kustomization.yaml"}
    synced(copy, "second")
    for name in ("greeter", "second"):
        shutil.rmtree(copy / "services" / name)
    synced(copy)

    targets = (copy / "deploy/base/health.env").read_text().partition("HEALTH_TARGETS=")[2]
    assert json.loads(targets) == {**SIBLINGS, "site": "http://site:8000/"}
    assert (
        (copy / "deploy/compose.yaml")
        .read_text()
        .endswith("\n\n  # a cache\n  redis:\n    image: redis:8\n\nvolumes: {}\n")
    )
    assert f"  - redis.yaml\n  - {service_names()[0]}.yaml\n" in (copy / "deploy/base/kustomization.yaml").read_text()
    assert not [*copy.glob("deploy/**/greeter.*")]


DRIFT = {
    "bake": ("docker-bake.hcl", '    "echo",\n', ""),
    "a bake target too many": ("docker-bake.hcl", '    "echo",\n', '    "echo",\n    "gone",\n'),
    "compose": ("deploy/compose.yaml", "  health:\n    <<", "  other:\n    <<"),
    "manifests": ("deploy/base/kustomization.yaml", "  - echo.yaml\n", ""),
    "settings": ("deploy/base/kustomization.yaml", "  - {name: echo, envs: [echo.env]}\n", ""),
    "autoscaling": ("deploy/components/autoscaling/kustomization.yaml", "  - echo.yaml\n", ""),
    "ingress": ("deploy/components/ingress/kustomization.yaml", "  - echo.yaml\n", ""),
    "network policies": ("deploy/components/network-policies/kustomization.yaml", "  - echo.yaml\n", ""),
    "node port": ("deploy/overlays/kind/kustomization.yaml", "  - echo.yaml\n", ""),
    "digests": ("deploy/overlays/production/images/kustomization.yaml", "stagecraft/echo", "stagecraft/gone"),
    "targets of health": ("deploy/base/health.env", json.dumps(SIBLINGS), "{}"),
    "a target too many": ("deploy/base/health.env", '"echo"', '"gone": "http://gone:8000/health", "echo"'),
    "debugger": (".vscode/launch.json", '"port": 5678', '"port": 5670'),
    "documents": ("README.md", "| [echo](services/echo)", "| [gone](services/gone)"),
}


@pytest.mark.parametrize("drift", DRIFT)
def test_each_list_that_disagrees_is_found_and_mended(drift: str, copy: Path) -> None:
    """The check names the file, and `make sync` puts back what was there."""
    path, old, new = DRIFT[drift]
    text = (copy / path).read_text()
    assert old in text
    (copy / path).write_text(text.replace(old, new))

    found = disagreeing(copy)
    assert f"change {path}" in found.words()
    found.apply()

    assert not disagreeing(copy).texts
    # a block that was renamed comes back with another port, and a digest that is lost is lost
    assert drift in {"compose", "digests"} or (copy / path).read_text() == text


@pytest.mark.parametrize("path", scaffold.template("deploy"))
def test_a_file_that_a_service_lacks_is_found(path: str, copy: Path) -> None:
    """Wherever each service has one of its own under deploy/."""
    (copy / scaffold.render(path, "echo")).unlink()

    assert f"add {scaffold.render(path, 'echo')}" in disagreeing(copy).words()


def test_the_check_fails_where_they_disagree(copy: Path, stagecraft: Run) -> None:
    """`make lint` runs it, and says what to do."""
    (copy / "deploy/base/echo.yaml").unlink()

    said = stagecraft("sync", "--check", code=Exit.FAILED)

    assert "add deploy/base/echo.yaml" in said
    assert "make sync" in said


@pytest.mark.parametrize(
    ("path", "edit", "complaint"),
    [
        ("services/echo/smoke.yaml", None, "services/echo/smoke.yaml is missing"),
        ("services/echo/src/echo/app.py", None, "services/echo/src/echo/app.py is missing"),
        ("services/echo/tests/test_echo.py", None, "services/echo/tests/test_*.py is missing"),
        ("services/echo/pyproject.toml", ('name = "echo"', 'name = "other"'), "names other, not echo"),
        ("deploy/compose.yaml", ("8001", "8000"), "echo and health have the same port 8000"),
        ("deploy/overlays/kind/health.yaml", ("30081", "30080"), "echo and health have the same port 30080"),
    ],
)
def test_what_no_list_can_mend_is_told(path: str, edit: tuple[str, str] | None, complaint: str, copy: Path) -> None:
    """What only a person can write or choose."""
    text = (copy / path).read_text()
    (copy / path).unlink()
    if edit:
        (copy / path).write_text(text.replace(*edit))

    assert any(complaint in found for found in sync.complaints(copy))


def test_a_lock_that_fails_undoes_all(copy: Path, run: Run, stagecraft: Run) -> None:
    """Nothing is left half done, and the same command works when what was in the way is gone."""
    project = copy / "tools/src/stagecraft/template/services/NAME/pyproject.toml"
    text = project.read_text()
    project.write_text(text.replace('"chassis"', '"chassis", "never-published"'))
    said = stagecraft("new", "greeter", code=Exit.FAILED, UV_OFFLINE="1")
    project.write_text(text)

    assert "never-published" in said
    assert "Nothing was changed" in said
    assert not run("git", "status", "--porcelain", "--untracked-files=all")
    stagecraft("new", "greeter")


def test_ctrl_c_undoes_all(copy: Path, run: Run) -> None:
    """Even while uv locks: an interrupted command has changed nothing."""
    slow = copy / ".cache" / "uv"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nkill -INT $PPID\nexec sleep 60\n")
    slow.chmod(0o755)
    command = (sys.executable, "-m", "stagecraft", "new", "greeter")

    run(*command, code=130, PATH=f"{slow.parent}:{os.environ['PATH']}")

    assert not run("git", "status", "--porcelain", "--untracked-files=all")


def test_a_folder_with_another_kind_of_name_is_told(copy: Path) -> None:
    """A service that was made by hand is held to the same form."""
    (copy / "services/echo").rename(copy / "services/my-echo")

    with pytest.raises(Problem, match="services/my-echo can't be a service"):
        disagreeing(copy)


@pytest.mark.parametrize("path", [*scaffold.template("deploy"), "services/NAME/pyproject.toml"])
def test_the_template_is_what_echo_is(path: str) -> None:
    """A change of echo's files is one of the template's, or says why not here."""
    description = "Tells what reaches it"
    text = scaffold.template(path.partition("/")[0])[path].replace("Says hello", description)

    rendered = scaffold.render(text, "echo", DESCRIPTION=description, NODE_PORT="30080")
    assert rendered == (ROOT / scaffold.render(path, "echo")).read_text()
