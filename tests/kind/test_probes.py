"""What each probe means, shown by what the cluster does about it."""

import json
import time
from typing import Any

import pytest

from stagecraft.project import service_names


def restarts(pod: Any) -> int:
    """Give how often a pod's container was started again."""
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def is_ready(pod: Any) -> bool:
    """Tell whether a pod takes requests."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))


def test_health_without_echo_is_not_ready_but_lives(
    kubectl: Any, pods: Any, ask: Any, until: Any, rolled_out: Any
) -> None:
    """A target that is down is no reason to restart its watcher, only to send nobody there."""
    (name, *_) = [pod["metadata"]["name"] for pod in pods("health")]
    before = {pod["metadata"]["name"]: restarts(pod) for pod in pods("health")}
    kubectl("scale", "deployment/echo", "--replicas=0")
    try:
        until(lambda: not any(is_ready(pod) for pod in pods("health")))

        assert ask(name, "/readyz") == (503, {"status": "unavailable", "failing": ["echo"]})
        targets = {target["name"]: target["status"] for target in ask(name, "/api/status")[1]["targets"]}
        assert targets["echo"] == "down"
        # long enough for a liveness probe to give up, if it looked outside: failureThreshold 3, every 5 s
        since = time.monotonic()
        until(lambda: time.monotonic() - since > 20)
        assert ask(name, "/livez") == (200, {"status": "ok", "failing": []})
        assert {pod["metadata"]["name"]: restarts(pod) for pod in pods("health")} == before
    finally:
        kubectl("scale", "deployment/echo", "--replicas=2")
        rolled_out("echo", "health")
    until(lambda: all(is_ready(pod) for pod in pods("health")))


def test_a_wedged_process_is_started_again(get: Any, pods: Any, inside: Any, until: Any) -> None:
    """A worker that answers nothing any more is found by the liveness probe, before gunicorn's own limit of 30 s."""
    pod = pods("echo")[0]
    name, before = pod["metadata"]["name"], restarts(pod)
    stop = """
        import os, pathlib, signal
        children = pathlib.Path("/proc/1/task/1/children").read_text().split()
        os.kill(int(children[0]), signal.SIGSTOP)
    """
    inside(name, stop)

    until(lambda: restarts(get("pod", name)) == before + 1, seconds=60)

    until(lambda: is_ready(get("pod", name)))
    events = get("events", f"--field-selector=involvedObject.name={name}")["items"]
    assert any("Liveness probe failed" in event["message"] for event in events)


def test_a_slow_start_is_waited_for(kubectl: Any, get: Any, until: Any) -> None:
    """Longer than liveness would wait: the startup probe holds the other two back."""
    deployment = get("deployment", "echo")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "slow", "labels": {"app.kubernetes.io/name": "slow"}},
        "spec": deployment["spec"]["template"]["spec"],
    }
    seconds = 20
    command = ["gunicorn", "--config", "python:chassis.gunicorn"]
    code = f"import os, time; time.sleep({seconds}); os.execvp('gunicorn', {command})"
    (container,) = pod["spec"]["containers"]
    container["command"] = ["python", "-c", code]
    liveness = container["livenessProbe"]
    assert seconds > liveness["periodSeconds"] * liveness["failureThreshold"]
    try:
        kubectl("create", "--filename=-", stdin=json.dumps(pod))
        until(lambda: is_ready(get("pod", "slow")), seconds=60)
        assert restarts(get("pod", "slow")) == 0
    finally:
        kubectl("delete", "pod", "slow", "--grace-period=1", "--wait=false")


def test_a_draining_pod_says_no_and_lives(kubectl: Any, pods: Any, ask: Any, until: Any, rolled_out: Any) -> None:
    """From SIGTERM to its end a pod is not ready, and yet not dead."""
    name = pods("echo")[0]["metadata"]["name"]
    kubectl("delete", "pod", name, "--wait=false")
    # preStop's 5 s come first
    _, body = until(lambda: (answer := ask(name, "/readyz"))[0] == 503 and answer, seconds=20, every=0)

    assert body["failing"] == ["draining"]
    assert ask(name, "/livez")[0] == 200
    rolled_out("echo")


@pytest.mark.parametrize("service", service_names())
def test_the_three_probes_differ(service: str, get: Any) -> None:
    """Each asks another question, with another patience."""
    (container,) = get("deployment", service)["spec"]["template"]["spec"]["containers"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]

    assert paths == ["/startupz", "/livez", "/readyz"]
