"""Who reaches whom: every pair of pods, the world and the API server, by real connections."""

import json
import socket
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from stagecraft import cluster
from stagecraft.project import service_names
from stagecraft.shell import quiet

STRANGERS = "strangers"
# Each edge that is named under deploy/: who asks, and what.
ALLOWED = {("health", "DNS")} | {
    ("health", place)
    for service in service_names() if service != "health"
    for place in (service, f"{service}'s Service")
}  # fmt: skip
CONNECT = """
    import json, socket, sys
    open_ = {}
    for name, (host, port) in json.loads(sys.argv[1]).items():
        try:
            socket.create_connection((host, port), timeout=2).close()
            open_[name] = True
        except OSError:
            open_[name] = False
    print(json.dumps(open_))
"""


@pytest.fixture(name="strangers", scope="module")
def _strangers(kubectl: Any, pod_manifest: Any) -> Iterator[None]:
    """Have a pod that no edge names, once in the namespace and once in another."""
    stranger = json.dumps(pod_manifest("stranger"))
    cluster.kubectl("create", "namespace", STRANGERS)
    kubectl("create", "--filename=-", stdin=stranger)
    elsewhere = ("--namespace", STRANGERS)
    cluster.kubectl(*elsewhere, "create", "--filename=-", stdin=stranger)
    for namespace in (cluster.NAMESPACE, STRANGERS):
        cluster.kubectl("--namespace", namespace, "wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s")
    yield
    kubectl("delete", "pod", "stranger", "--wait=false")
    cluster.kubectl("delete", "namespace", STRANGERS)


@pytest.fixture(name="world", scope="module")
def _world() -> Iterator[tuple[str, int]]:
    """Listen on this machine, at the address by which every node knows it: a place beyond the cluster."""
    network = json.loads(quiet("docker", "network", "inspect", "kind"))[0]["IPAM"]["Config"]
    address = next(config["Gateway"] for config in network if "." in config.get("Gateway", ""))
    with socket.create_server((address, 0), backlog=64) as listener:
        yield address, listener.getsockname()[1]


@pytest.fixture(name="places", scope="module")
def _places(pods: Any, get: Any, strangers: None, world: tuple[str, int]) -> dict[str, tuple[str, int]]:  # noqa: ARG001 - one of the places
    """Give by name where each thing listens that a pod could try to reach."""
    places = {service: (pods(service)[0]["status"]["podIP"], 8000) for service in service_names()}
    places |= {f"{service}'s Service": (get("service", service)["spec"]["clusterIP"], 8000) for service in places}
    dns = json.loads(cluster.kubectl("--namespace=kube-system", "get", "service", "kube-dns", "--output=json"))
    api = json.loads(cluster.kubectl("--namespace=default", "get", "service", "kubernetes", "--output=json"))
    return places | {
        "DNS": (dns["spec"]["clusterIP"], 53),
        "API server": (api["spec"]["clusterIP"], 443),
        "world": world,
    }


@pytest.mark.parametrize("asker", [*service_names(), "stranger"])
def test_only_named_edges_are_open(asker: str, pods: Any, inside: Any, places: Any) -> None:
    """From each pod of the namespace to each thing there is: what is named is open, and nothing else."""
    pod = "stranger" if asker == "stranger" else pods(asker)[0]["metadata"]["name"]
    # a pod may always talk to itself
    tried = {name: place for name, place in places.items() if not name.startswith(asker)}

    reached = json.loads(inside(pod, CONNECT, json.dumps(tried)))

    edges = {name for name, is_open in reached.items() if is_open}
    assert edges == {place for by, place in ALLOWED if by == asker}


def test_what_is_closed_there_does_answer(places: Any) -> None:
    """A pod without policies reaches what has none either; what has, refuses it."""
    python = ("exec", "stranger", "--", "python", "-c", textwrap.dedent(CONNECT), json.dumps(places))
    reached = json.loads(cluster.kubectl("--namespace", STRANGERS, *python))

    assert {name for name, is_open in reached.items() if is_open} == {"DNS", "API server", "world"}


def test_services_and_policies_share_no_table() -> None:
    """What enforces policies may write a whole table as it read it: what kube-proxy wrote there since is undone."""
    for node in cluster.members():
        assert "KUBE-SERVICES" not in quiet("docker", "exec", node, "iptables-save")
