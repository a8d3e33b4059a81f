"""The cluster that `make kind` makes, and ways to look into it."""

import json
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft import cluster

NAMESPACE = ("--namespace", cluster.NAMESPACE)
Kubectl = Callable[..., str]


@pytest.fixture(scope="session", autouse=True)
def _cluster(run: Any) -> None:
    """Have the cluster with what this clone deploys, as no test is skipped for the lack of one."""
    run(sys.executable, "-m", "stagecraft", "kind", env={"COMPONENTS": ""})
    cluster.kubectl(*NAMESPACE, "delete", "horizontalpodautoscaler", "--all")


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Run kubectl in the project's namespace and give what it prints."""
    return lambda *arguments, stdin=None: cluster.kubectl(*NAMESPACE, *arguments, stdin=stdin)


@pytest.fixture(scope="session")
def get(kubectl: Kubectl) -> Callable[..., Any]:
    """Give objects of the namespace as the API server has them."""
    return lambda *arguments: json.loads(kubectl("get", *arguments, "--output=json"))


@pytest.fixture(scope="session")
def pods() -> Callable[[str], list[Any]]:
    """Give a service's pods that are not on their way out, the oldest first."""
    return cluster.pods


@pytest.fixture(scope="session")
def inside(kubectl: Kubectl) -> Callable[..., str]:
    """Run Python in a pod's container and give what it prints."""
    return lambda pod, code, *arguments: kubectl("exec", pod, "--", "python", "-c", textwrap.dedent(code), *arguments)


@pytest.fixture(scope="session")
def ask(inside: Any) -> Callable[[str, str], tuple[int, Any]]:
    """Ask a pod's own server for a path, from inside; give the status and the JSON."""
    code = """
        import json, sys, urllib.error, urllib.request
        try:
            answer = urllib.request.urlopen("http://127.0.0.1:8000" + sys.argv[1], timeout=5)
        except urllib.error.HTTPError as error:
            answer = error
        print(json.dumps([answer.status, json.load(answer)]))
    """

    def ask(pod: str, path: str) -> tuple[int, Any]:
        status, body = json.loads(inside(pod, code, path))
        return status, body

    return ask


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait until a condition holds, and give what it gave."""

    def until(condition: Callable[[], Any], seconds: float = 60, every: float = 0.2) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not so after {seconds} s"
            time.sleep(every)
        return found

    return until


@pytest.fixture(scope="session")
def rolled_out() -> Callable[..., None]:
    """Wait until rollouts are done."""

    def rolled_out(*services: str) -> None:
        cluster.wait(f"deployment/{service}" for service in services)

    return rolled_out


@pytest.fixture(scope="session")
def pod_manifest(pods: Any) -> Callable[..., dict[str, Any]]:
    """Make a pod that the namespace admits and that no network policy names; it idles."""
    image = pods("echo")[0]["spec"]["containers"][0]["image"]

    def pod_manifest(name: str) -> dict[str, Any]:
        container = {
            "name": "server",
            "image": image,
            "command": ["python", "-c", "import signal; signal.pause()"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
            "spec": {
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 10001,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
            },
        }

    return pod_manifest
