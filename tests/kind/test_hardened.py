"""The images without a distribution, in the cluster: the same manifests, the same answers, no shell to enter by."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stagecraft import bake, cluster
from stagecraft.problem import Problem
from stagecraft.project import service_names


@pytest.fixture(name="said", scope="module", autouse=True)
def _said(run: Any) -> Iterator[str]:
    """Deploy them, and what was there before after the tests."""
    command = (sys.executable, "-m", "stagecraft", "kind")
    yield run(*command, env={"COMPONENTS": "hardened"}).stdout
    run(*command, env={"COMPONENTS": ""})


def test_every_endpoint_answers(said: str, pods: Any) -> None:
    """What runs is these images, and each smoke case passes through the cluster's published ports."""
    running = {pod["spec"]["containers"][0]["image"] for service in service_names() for pod in pods(service)}

    assert "smoke cases passed" in said
    assert running == set(cluster.push([*bake.images("hardened").values()]).values())


@pytest.mark.parametrize("service", service_names())
def test_no_shell_is_in_a_pod(pods: Any, service: str) -> None:
    """`kubectl exec` finds Python and nothing to type in."""
    exec_ = ("exec", "--namespace", cluster.NAMESPACE, pods(service)[0]["metadata"]["name"], "--")

    assert cluster.kubectl(*exec_, "python", "-c", "print('here')").strip() == "here"
    with pytest.raises(Problem) as refused:
        cluster.kubectl(*exec_, "sh", "-c", "true")
    assert "executable file not found" in refused.value.advice
