"""Each pod as it is from inside: what the manifests ask for is what the kernel does."""

import json
from typing import Any

import pytest

from stagecraft.project import service_names


@pytest.fixture(name="pod", params=service_names())
def _pod(request: Any, pods: Any) -> Any:
    """Give one pod of each service."""
    return pods(request.param)[0]


def test_a_process_has_no_privilege(pod: Any, inside: Any) -> None:
    """An unprivileged user, no capability to use or to gain, and the runtime's seccomp filter."""
    code = """
        import json
        print(json.dumps(dict(line.strip().split(":\\t") for line in open("/proc/1/status") if ":\\t" in line)))
    """
    status = json.loads(inside(pod["metadata"]["name"], code))

    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_nothing_but_tmp_can_be_written(pod: Any, inside: Any) -> None:
    """A read-only root, and not even its own code or the home of the user."""
    code = """
        import pathlib, sys
        for folder in ["/tmp", "/app", "/app/.venv", "/", "/etc", "/root", "/usr/local/bin", "/var/tmp", "/run"]:
            try:
                pathlib.Path(folder, "probe").write_text("x")
                print(folder)
            except OSError:
                pass
    """
    assert inside(pod["metadata"]["name"], code).split() == ["/tmp"]  # noqa: S108 - it is what is looked for


def test_no_token_is_there(pod: Any, inside: Any) -> None:
    """Neither a service account's token, nor the variables that name the API server and every Service."""
    code = """
        import os
        services = {name.partition("_SERVICE_")[0] for name in os.environ if "_SERVICE_" in name}
        print(os.path.exists("/var/run/secrets/kubernetes.io"), services)
    """
    # the API server's own are set whatever a pod says
    assert inside(pod["metadata"]["name"], code) == "False {'KUBERNETES'}"


def test_limits_are_as_asked(pod: Any, inside: Any) -> None:
    """The kernel's limits are the manifest's, whichever cgroup version the host has."""
    code = """
        import pathlib
        root = pathlib.Path("/sys/fs/cgroup")
        if (root / "memory.max").exists():
            quota, period = (root / "cpu.max").read_text().split()
            print((root / "memory.max").read_text().strip(), int(quota) / int(period))
        else:
            cpu = root / "cpu"
            quota, period = (int((cpu / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
            print((root / "memory/memory.limit_in_bytes").read_text().strip(), quota / period)
    """
    limits = pod["spec"]["containers"][0]["resources"]["limits"]

    memory, cpu = inside(pod["metadata"]["name"], code).split()

    assert int(memory) == int(limits["memory"].removesuffix("Mi")) * 2**20
    assert float(cpu) == float(limits["cpu"])


def test_tmp_is_bounded(pods: Any, kubectl: Any, get: Any, inside: Any, until: Any) -> None:
    """A pod that fills /tmp beyond its size is evicted and replaced; it fills no node's disk."""
    name = pods("echo")[0]["metadata"]["name"]
    inside(name, "open('/tmp/full', 'wb').write(bytes(40 * 2**20))")

    # a kubelet measures volumes once a minute
    until(lambda: get("pod", name)["status"].get("reason") == "Evicted", seconds=150)

    kubectl("delete", "pod", name)


def test_pods_of_a_service_are_on_different_nodes(pod: Any, pods: Any) -> None:
    """One node's end is not a service's end."""
    found = pods(pod["metadata"]["labels"]["app.kubernetes.io/name"])

    assert len({one["spec"]["nodeName"] for one in found}) == len(found) > 1
