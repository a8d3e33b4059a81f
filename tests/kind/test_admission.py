"""What the namespace refuses, and why: Pod Security `restricted`, by the real API server."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft.problem import Problem

Change = Callable[[dict[str, Any], dict[str, Any]], Any]

# What is done to the pod's spec and its container's, and what the API server must say to it.
BAD: dict[str, tuple[Change, str]] = {
    "privileged": (lambda _, c: c["securityContext"].update(privileged=True), "privileged"),
    "privilege escalation": (lambda _, c: c["securityContext"].pop("allowPrivilegeEscalation"), "allowPrivilegeEscalation != false"),
    "capabilities kept": (lambda _, c: c["securityContext"].pop("capabilities"), "unrestricted capabilities"),
    "a capability added": (lambda _, c: c["securityContext"]["capabilities"].update(add=["NET_RAW"]), "unrestricted capabilities"),
    "root by number": (lambda s, _: s["securityContext"].update(runAsUser=0), "runAsUser=0"),
    "root not excluded": (lambda s, _: s["securityContext"].pop("runAsNonRoot"), "runAsNonRoot != true"),
    "no seccomp profile": (lambda s, _: s["securityContext"].pop("seccompProfile"), "seccompProfile"),
    "seccomp unconfined": (lambda s, _: s["securityContext"]["seccompProfile"].update(type="Unconfined"), "seccompProfile"),
    "the node's network": (lambda s, _: s.update(hostNetwork=True), "host namespaces"),
    "the node's processes": (lambda s, _: s.update(hostPID=True), "host namespaces"),
    "the node's IPC": (lambda s, _: s.update(hostIPC=True), "host namespaces"),
    "the node's files": (lambda s, _: s.update(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "hostPath"),
    "a port of the node": (lambda _, c: c.update(ports=[{"containerPort": 8000, "hostPort": 8000}]), "hostPort"),
    "a mounted /proc": (lambda s, c: (s.update(hostUsers=True), c["securityContext"].update(procMount="Unmasked")), "procMount"),
    "an unsafe sysctl": (lambda s, _: s["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "forbidden sysctls"),
    "a probe of another host": (lambda _, c: c.update(livenessProbe={"httpGet": {"host": "10.0.0.1", "port": 80}}), "probe"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_pod_is_refused_with_its_reason(bad: str, pod_manifest: Any, kubectl: Any) -> None:
    """Nothing of it comes to be, and its author reads what to change."""
    change, reason = BAD[bad]
    pod = copy.deepcopy(pod_manifest("bad"))
    change(pod["spec"], pod["spec"]["containers"][0])

    with pytest.raises(Problem) as refused:
        kubectl("create", "--filename=-", stdin=json.dumps(pod))

    assert 'violates PodSecurity "restricted:v1.34"' in refused.value.advice
    assert reason in refused.value.advice


def test_the_same_pod_without_the_change_is_admitted(pod_manifest: Any, kubectl: Any) -> None:
    """It is the change that is refused above."""
    kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod_manifest("good")))
