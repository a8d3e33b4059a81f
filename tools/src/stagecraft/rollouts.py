"""What happens to pods in a cluster's life, done while clients ask: once by the tests, at length by `make soak`."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from stagecraft import bake, cluster, manifests, registry
from stagecraft.problem import Problem
from stagecraft.project import service_names
from stagecraft.shell import quiet

STALL_SECONDS = 60
_number = itertools.count(1)


def kubectl(*arguments: str) -> str:
    """Run kubectl in the project's namespace and give what it prints."""
    return cluster.kubectl("--namespace", cluster.NAMESPACE, *arguments)


def _wait() -> None:
    cluster.wait(f"deployment/{service}" for service in service_names())


def restart() -> None:
    """Replace every pod of every service, one at a time."""
    kubectl("rollout", "restart", *(f"deployment/{service}" for service in service_names()))
    _wait()


def change_image() -> None:
    """Roll echo out in another image."""
    name, _, tag = bake.images()["echo"].rpartition(":")
    other = f"{name}:{tag}-rollout"
    dockerfile = f"FROM {name}:{tag}\nLABEL rollout={next(_number)}-{time.time()}\n"
    quiet("docker", "build", "--tag", other, "-", stdin=dockerfile)
    reference = registry.push([other])[other]
    quiet("docker", "rmi", other)
    kubectl("set", "image", "deployment/echo", f"server={reference}")
    _wait()


def delete_pods() -> None:
    """Delete each of echo's pods, the next when the service is whole again."""
    for pod in cluster.pods("echo"):
        kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        _wait_for_pods(pod["metadata"]["name"])


def _wait_for_pods(gone: str) -> None:
    # a deployment takes a moment to see that a pod is on its way out
    deadline = time.monotonic() + cluster.ROLLOUT_SECONDS
    while any(pod["metadata"]["name"] == gone for pod in cluster.pods("echo")):
        if time.monotonic() > deadline:
            raise Problem(f"pod {gone} does not go away")
        time.sleep(0.1)
    _wait()


def scale() -> None:
    """Double echo's replicas, and take them back."""
    replicas = len(cluster.pods("echo"))
    for number in (2 * replicas, replicas):
        kubectl("scale", "deployment/echo", f"--replicas={number}")
        _wait()


def drain_nodes() -> None:
    """Drain each worker as an upgrade of it would, and give it back."""
    for node in cluster.workers():
        options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
        try:
            cluster.kubectl("drain", node, *options)
            _wait()
        finally:
            cluster.kubectl("uncordon", node)


def change_settings() -> None:
    """Roll echo out with another setting: a new ConfigMap, since its name has its content's hash."""
    settings = {"echo": [f"GRACEFUL_SECONDS={20 + next(_number) % 2}"]}
    _apply(settings)


def bad_image() -> float:
    """Roll echo out in an image that there is not, let that stall, and undo it.

    Returns:
        How many seconds the way back took.

    Raises:
        Problem: It did not stall.
    """
    name = registry.address() + "/" + bake.images()["echo"].rpartition(":")[0]
    kubectl("set", "image", "deployment/echo", f"server={name}@sha256:{'0' * 64}")
    deadline = time.monotonic() + STALL_SECONDS
    while not any(
        "waiting" in _state(pod) and "Image" in _state(pod)["waiting"]["reason"] for pod in cluster.pods("echo")
    ):
        if time.monotonic() > deadline:
            raise Problem("an image that there is not does not stall a rollout")
        time.sleep(0.2)
    started = time.monotonic()
    kubectl("rollout", "undo", "deployment/echo")
    _wait()
    return time.monotonic() - started


def _state(pod: Any) -> dict[str, Any]:
    statuses = pod["status"].get("containerStatuses") or [{}]
    return dict(statuses[0].get("state", {}))


def kill() -> float:
    """Kill one of echo's servers, as a node without memory would, and let it be started again.

    Returns:
        When, in seconds since 1970.
    """
    pod = cluster.pods("echo")[0]
    container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    node = pod["spec"]["nodeName"]
    process = json.loads(quiet("docker", "exec", node, "crictl", "inspect", container))["info"]["pid"]
    killed = time.time()
    quiet("docker", "exec", node, "kill", "-9", str(process))
    _wait()
    return killed


def restore() -> None:
    """Deploy again what this clone deploys."""
    _apply()


def _apply(settings: dict[str, list[str]] | None = None) -> None:
    references = cluster.load(manifests.group())
    tags = cluster.add_ons()
    cluster.apply(manifests.render("kind", references, *manifests.components(), tags=tags, settings=settings))
    _wait()


# What each is called, and how many rollouts it is.
SCENARIOS: dict[str, tuple[Callable[[], object], int]] = {
    "rolling restart": (restart, 1),
    "another image": (change_image, 1),
    "pods deleted": (delete_pods, 0),
    "scaled up and down": (scale, 0),
    "nodes drained": (drain_nodes, 0),
    "settings changed": (change_settings, 1),
    "bad image, undone": (bad_image, 1),
    "pod killed": (kill, 0),
}
