"""The bake plan, read with no engine at all."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft.project import ROOT, service_names

STAGES = ["builder", "development", "hardened", "production", "test"]
BASES = {stage: "base-hardened" if stage == "hardened" else "base" for stage in STAGES}


def fields(entry: str | dict[str, str]) -> dict[str, str]:
    """Give an output or a secret as its fields: older buildx prints it as one text, newer as an object."""
    return entry if isinstance(entry, dict) else dict(pair.split("=", 1) for pair in entry.split(","))


@pytest.fixture(scope="module")
def plan(run: Callable[..., Any]) -> dict[str, Any]:
    """Give bake's whole plan, SOURCE_DATE_EPOCH being known."""
    env = {"DOCKER_HOST": "unix:///none", "SOURCE_DATE_EPOCH": "1700000000", "REVISION": "abc", "SSL_CERT_FILE": ""}
    text = run("docker", "buildx", "bake", "--print", *STAGES, *set(BASES.values()), env=env).stdout
    planned: dict[str, Any] = json.loads(text[text.index("{\n") :])
    return planned


def test_every_service_has_exactly_its_targets(plan: dict[str, Any]) -> None:
    """The folders under services/ and the targets of docker-bake.hcl say the same."""
    expected = {f"{service}-{stage}" for service in service_names() for stage in STAGES} | set(BASES.values())

    assert expected == set(plan["target"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_group_holds_its_stage_of_every_service_and_base(plan: dict[str, Any], stage: str) -> None:
    """`docker buildx bake STAGE` builds that stage of every service, and base is asked for by name."""
    assert {BASES[stage]} | {f"{service}-{stage}" for service in service_names()} == set(
        plan["group"][stage]["targets"]
    )


def test_the_default_is_production(run: Callable[..., Any]) -> None:
    """A bare `docker buildx bake` builds what is deployed."""
    text = run("docker", "buildx", "bake", "--print", env={"DOCKER_HOST": "unix:///none"}).stdout

    assert {"base"} | {f"{name}-production" for name in service_names()} == set(
        json.loads(text[text.index("{\n") :])["target"]
    )


def test_base_is_linked_and_built_once(plan: dict[str, Any]) -> None:
    """One target makes what a group's services stand on, each of them takes it over, and it is not exported."""
    for stage, base in BASES.items():
        assert [fields(output) for output in plan["target"][base]["output"]] == [{"type": "cacheonly"}]
        for service in service_names():
            assert plan["target"][f"{service}-{stage}"]["contexts"] == {"base": f"target:{base}"}


def test_base_may_be_an_image_of_yours(run: Callable[..., Any]) -> None:
    """BASE_CONTEXT takes the place of the base stage without an edit."""
    env = {"DOCKER_HOST": "unix:///none", "BASE_CONTEXT": "docker-image://registry.example.com/base:1"}
    text = run("docker", "buildx", "bake", "--print", "echo-production", env=env).stdout

    assert '"base": "docker-image://registry.example.com/base:1"' in text


def test_tags_are_unique(plan: dict[str, Any]) -> None:
    """No two targets write the same image."""
    tags = Counter(tag for target in plan["target"].values() for tag in target.get("tags", []))

    assert len(service_names()) * len(STAGES) == len(tags)
    assert set(tags.values()) == {1}


def test_labels_are_those_of_oci(plan: dict[str, Any]) -> None:
    """Each image says what it is, from which commit, and of when."""
    labels = plan["target"]["echo-production"]["labels"]

    assert labels["org.opencontainers.image.title"] == "echo"
    assert labels["org.opencontainers.image.revision"] == "abc"
    assert labels["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert {"version", "source", "licenses"} <= {name.rpartition(".")[2] for name in labels}


@pytest.mark.parametrize(("variable", "name"), [("SSL_CERT_FILE", "ca"), ("NETRC", "netrc")])
def test_what_only_a_build_may_see_is_a_secret(run: Callable[..., Any], variable: str, name: str) -> None:
    """A CA bundle and the tokens of private indexes reach a build as secrets, never as arguments."""
    env = {"DOCKER_HOST": "unix:///none", "SSL_CERT_FILE": "", "NETRC": "", variable: "/etc/hostname"}
    text = run("docker", "buildx", "bake", "--print", "echo-production", env=env).stdout
    target = json.loads(text[text.index("{\n") :])["target"]["echo-production"]

    assert [fields(secret) for secret in target["secret"]] == [{"id": name, "src": "/etc/hostname"}]
    assert "/etc/hostname" not in json.dumps(target["args"])


def test_no_step_has_one_secret_without_the_other() -> None:
    """Whatever fetches knows the proxy's CA and the private indexes' tokens."""
    text = (ROOT / "Dockerfile").read_text()

    assert text.count("--mount=type=secret,id=ca,") == text.count("--mount=type=secret,id=netrc ") > 0


@pytest.mark.parametrize("variable", ["ATTEST", "CACHE_FROM", "CACHE_TO"])
def test_what_the_engine_can_not_do_is_off(plan: dict[str, Any], run: Callable[..., Any], variable: str) -> None:
    """Attestations and caches in a registry are in no plan until asked for, each target's cache by its name."""
    keys = {"ATTEST": "attest", "CACHE_FROM": "cache-from", "CACHE_TO": "cache-to"}
    asked = "true" if variable == "ATTEST" else "registry.example.com/cache"
    env = {"DOCKER_HOST": "unix:///none", variable: asked}
    text = run("docker", "buildx", "bake", "--print", *STAGES, env=env).stdout
    targets = json.loads(text[text.index("{\n") :])["target"]
    # the last: base-hardened reads what base has written, too
    found = {name: fields(target[keys[variable]][-1]) for name, target in targets.items() if target.get(keys[variable])}

    assert not [name for name, target in plan["target"].items() if set(keys.values()) & target.keys()]
    if variable == "ATTEST":
        assert set(found) == {name for name in targets if not name.startswith("base")}
        assert fields(targets["echo-production"]["output"][0])["type"] == "registry"
    else:
        assert {name: entry["ref"] for name, entry in found.items()} == {name: f"{asked}:{name}" for name in targets}
