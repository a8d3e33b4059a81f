"""The workflow does what it says: its commands run here, its targets are bake's, and its rights are few."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagecraft import go
from stagecraft.project import ROOT, service_names

PATH = ROOT / ".github" / "workflows" / "ci.yml"
# yaml 1.1 reads the key `on` as true
WORKFLOW = yaml.safe_load(PATH.read_text())
JOBS: dict[str, Any] = WORKFLOW["jobs"]
EVENTS = ["pull_request", "push"]
# This test is part of the first, the second compiles programs, and `make kind` makes the cluster that the last needs.
ITSELF = {"make test", "make test-full", "make kind", "make test-kind"}
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.com"))
}


def evaluate(text: str, context: dict[str, Any]) -> Any:
    """Give the value of an expression of GitHub's, as far as this workflow needs them."""

    def look_up(name: str) -> Any:
        value: Any = context
        for part in name.split("."):
            value = value[part]
        return value

    translated = text.replace("&&", " and ").replace("||", " or ")
    translated = re.sub(r"(?<!['\w.-])([a-z_]+(?:\.[\w-]+)+)", r"look_up('\1')", translated)
    known = {"look_up": look_up, "fromJSON": json.loads}
    return eval(translated, {"__builtins__": {}}, known)  # noqa: S307 - our own workflow's words


def filled(text: Any, context: dict[str, Any]) -> str:
    """Put the values of its expressions into a text."""
    return re.sub(r"\$\{\{\s*(.+?)\s*\}\}", lambda found: str(evaluate(found[1], context)), str(text))


def at_event(event: str) -> dict[str, Any]:
    """Give what GitHub tells a workflow of an event."""
    github = {
        "actor": "octocat", "event_name": event, "ref": "refs/heads/main", "repository": "Octo-Org/Stagecraft",
        "server_url": "https://git.example.com", "sha": "0123456789" * 4, "token": "secret",
    }  # fmt: skip
    return {"github": github, "vars": {"REGISTRY": "registry.example.com"}, "needs": {}, "steps": {}, "matrix": {}}


def jobs_at(event: str, services: list[str]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give each job that an event starts, once for each of its matrix, with its context, in order."""
    for name, job in JOBS.items():
        context = at_event(event)
        context["needs"] = {"affected": {"outputs": {"services": json.dumps(services)}}}
        if not evaluate(job.get("if", "True"), context):
            continue
        matrix = job.get("strategy", {}).get("matrix", {})
        values = evaluate(matrix["service"].strip("${} "), context) if matrix else [None]
        assert values, f"{name}: GitHub refuses an empty matrix"
        for service in values:
            yield name, job, context | {"matrix": {"service": service}, "steps": {}}


def run_job(job: dict[str, Any], context: dict[str, Any], folder: Path) -> None:
    """Run the shell steps of a job as a runner does, in order; what each prints as its output is in the context."""
    files = {name: folder.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for step in job["steps"]:
        if "run" not in step or step["run"] in ITSELF or not evaluate(step.get("if", "True"), context):
            continue
        for file in files.values():
            file.write_text("")
        set_here = {name: filled(value, context) for name, value in (job.get("env", {}) | step.get("env", {})).items()}
        known = {
            "GITHUB_REPOSITORY": context["github"]["repository"],
            **{name: str(file) for name, file in files.items()},
        }
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], check=False, cwd=folder, env=os.environ | known | set_here,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{step['run']}\n{done.stdout}"
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        context["steps"][step.get("id", "")] = {"outputs": outputs}
        context["summary"] = files["GITHUB_STEP_SUMMARY"].read_text()


@pytest.fixture(name="history")
def _history(run: Any, copy: Path) -> Path:
    """Give a copy of the repository whose last commit changes one service."""
    run("git", "init", "--quiet", "--initial-branch=main", cwd=copy)
    for number, name in enumerate(("README.md", "services/health/smoke.yaml")):
        (copy / name).write_text(f"{(copy / name).read_text()}# {number}\n")
        run("git", "add", "--all", cwd=copy)
        run("git", "commit", "--quiet", "--message", "A change", cwd=copy, env=AUTHOR)
    return copy


@pytest.mark.parametrize(("event", "services"), [("pull_request", ["health"]), ("push", service_names())])
@pytest.mark.usefixtures("engine_here")
def test_its_commands_run(run: Any, history: Path, event: str, services: list[str]) -> None:
    """Every shell step of every job that the event starts ends well, and says what later ones rely on."""
    first = at_event(event)
    run_job(JOBS["affected"], first, history)
    assert filled(JOBS["affected"]["outputs"]["services"], first) == json.dumps(services)

    ran = {"affected"}
    try:
        for name, job, context in jobs_at(event, services):
            service = context["matrix"].get("service")
            digest = f"sha256:{'ab' * 32}"
            context["steps"]["push"] = {
                "outputs": {"metadata": json.dumps({f"{service}-production": {"containerimage.digest": digest}})}
            }
            run_job(job, context, history)
            ran.add(name)
            if name == "publish":
                image = f"registry.example.com/octo-org/stagecraft/{service}"
                assert context["steps"]["image"]["outputs"]["name"] == image
                assert context["steps"]["image"]["outputs"]["seconds"].isdecimal()
                assert context["summary"] == f"`{image}@{digest}`\n"
    finally:
        run("make", "down", cwd=history)

    assert ran == {"affected", "repository", "cluster", "service" if event == "pull_request" else "publish"}


def test_a_pull_request_that_touches_no_service_has_no_matrix() -> None:
    """Its job is left out, as GitHub refuses an empty matrix."""
    assert {"affected", "repository", "cluster"} == {name for name, _, _ in jobs_at("pull_request", [])}


def planned(run: Any, job: dict[str, Any], context: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give, for each step of a job that bakes, its inputs and bake's plan of it."""
    context["steps"]["image"] = {"outputs": {"name": "registry.example.com/team/image", "seconds": "1700000000"}}
    for step in job["steps"]:
        if not step.get("uses", "").startswith("docker/bake-action@"):
            continue
        inputs = {name: filled(value, context) for name, value in step["with"].items()}
        overrides = [word for line in inputs["set"].splitlines() for word in ("--set", line)]
        env = {name: filled(value, context) for name, value in (job.get("env", {}) | step.get("env", {})).items()}
        command = ("docker", "buildx", "bake", "--print", *overrides, *inputs["targets"].split())
        said = run(*command, env={"DOCKER_HOST": "unix:///none", "SSL_CERT_FILE": "", **env}).stdout
        yield inputs, json.loads(said[said.index("{\n") :])["target"]


def scopes(target: dict[str, Any], key: str) -> list[str]:
    """Give the scopes of a target's caches: older buildx prints them as texts, newer as objects."""
    return re.findall(r"scope\W+([\w-]+)", json.dumps(target.get(key, [])))


@pytest.mark.parametrize("event", EVENTS)
def test_what_it_bakes_is_in_the_plan(run: Any, event: str) -> None:
    """Each target is bake's, reads its own cache scope, and is built from the checkout."""
    baked = set()
    for _, job, context in jobs_at(event, service_names()):
        for inputs, targets in planned(run, job, context):
            assert inputs["source"] == "."
            for name, target in targets.items():
                assert scopes(target, "cache-from") == [name] or (name == "base" and "base" not in inputs["targets"])
                baked.add(name)

    assert {"base"} | {f"{name}-{stage}" for name in service_names() for stage in ("test", "production")} == baked


def test_a_pull_request_writes_no_cache_and_pushes_nothing(run: Any) -> None:
    """Whatever it builds stays on its runner."""
    for _, job, context in jobs_at("pull_request", service_names()):
        assert not {"write", "write-all"} & set(job["permissions"].values())
        for inputs, targets in planned(run, job, context):
            assert "push" not in inputs
            for target in targets.values():
                assert "cache-to" not in target
                assert "cacheonly" in json.dumps(target["output"])


def test_main_pushes_by_digest_with_provenance_and_sbom(run: Any) -> None:
    """No tag, the whole of the provenance, and each target's cache in a scope of its own."""
    pushed = []
    for _, job, context in jobs_at("push", service_names()):
        for inputs, targets in planned(run, job, context):
            for name, target in targets.items():
                assert scopes(target, "cache-to") in ([name], [])
                if name.endswith("-production"):
                    assert (inputs["provenance"], inputs["sbom"]) == ("mode=max", "True")
                    assert re.search(r"push-by-digest\W+true", json.dumps(target["output"]))
                    assert target["tags"] == ["registry.example.com/team/image"]
                    assert target["labels"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
                    pushed.append(name)

    assert pushed == [f"{name}-production" for name in service_names()]


def test_rights_are_few() -> None:
    """None for all, and a job's own are to read the contents, but to push."""
    assert WORKFLOW["permissions"] == {}
    rights = {name: job["permissions"] for name, job in JOBS.items()}
    assert rights.pop("publish") == {"contents": "read", "packages": "write"}
    assert all(right == {"contents": "read"} for right in rights.values())


def test_every_action_is_pinned() -> None:
    """By the whole of a commit's hash, the same everywhere, with its version beside it."""
    used = re.findall(r"uses: *(.*)", PATH.read_text())
    pins = dict(pin for line in used for pin in re.findall(r"^([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line))

    assert used
    assert set(used) == {f"{action}@{pin}" for action, pin in pins.items()}


def test_actionlint_finds_nothing(run: Any) -> None:
    """Its syntax, its expressions, its contexts and its shell are what GitHub expects."""
    module = "github.com/rhysd/actionlint"
    run(str(go.build(ROOT / "tests" / "actionlint", module, f"{module}/cmd/actionlint")), str(PATH))
