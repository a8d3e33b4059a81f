"""What the namespace refuses, and why: Pod Security `restricted`, by the real API server."""

import json
from typing import Any

import pytest

from stagecraft.problem import Problem

# A path below a pod's spec, the value that is put there (None takes it away), and what the API server must say to it.
SECURITY = "containers.0.securityContext"
BAD: dict[str, tuple[str, Any, str]] = {
    "privileged": (SECURITY, {"privileged": True}, "privileged"),
    "privilege escalation": (f"{SECURITY}.allowPrivilegeEscalation", None, "allowPrivilegeEscalation != false"),
    "capabilities kept": (f"{SECURITY}.capabilities", None, "unrestricted capabilities"),
    "a capability added": (f"{SECURITY}.capabilities.add", ["NET_RAW"], "unrestricted capabilities"),
    "root by number": ("securityContext.runAsUser", 0, "runAsUser=0"),
    "root not excluded": ("securityContext.runAsNonRoot", None, "runAsNonRoot != true"),
    "no seccomp profile": ("securityContext.seccompProfile", None, "seccompProfile"),
    "seccomp unconfined": ("securityContext.seccompProfile.type", "Unconfined", "seccompProfile"),
    "an unsafe sysctl": ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "forbidden sysctls"),
    "the node's network": ("hostNetwork", True, "host namespaces"),
    "the node's processes": ("hostPID", True, "host namespaces"),
    "the node's IPC": ("hostIPC", True, "host namespaces"),
    "the node's files": ("volumes", [{"name": "v", "hostPath": {"path": "/"}}], "hostPath"),
    "a port of the node": ("containers.0.ports", [{"containerPort": 8000, "hostPort": 8000}], "hostPort"),
    "a probe of another host": ("containers.0.livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}, "probe"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_pod_is_refused_with_its_reason(bad: str, pod_manifest: Any, kubectl: Any) -> None:
    """Nothing of it comes to be, and its author reads what to change."""
    path, value, reason = BAD[bad]
    pod = pod_manifest("bad")
    *way, last = path.split(".")
    place = pod["spec"]
    for step in way:
        place = place[int(step) if step.isdecimal() else step]
    place[last] = value

    with pytest.raises(Problem) as refused:
        kubectl("create", "--filename=-", stdin=json.dumps(pod))

    assert 'violates PodSecurity "restricted:v1.34"' in refused.value.advice
    assert reason in refused.value.advice


def test_the_same_pod_without_the_change_is_admitted(pod_manifest: Any, kubectl: Any) -> None:
    """It is the change that is refused above."""
    kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod_manifest("good")))
