"""A kind cluster of this project's own: its nodes, its kubeconfig, the images on its nodes."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from stagecraft import bake, go, manifests, registry
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import CACHE, KIND, OVERLAYS, ROOT, Service, port, service_names
from stagecraft.shell import output, quiet, run

NAMESPACE = "stagecraft"
MODULE = "sigs.k8s.io/kind"
ROLLOUT_SECONDS = 120
# kind's own, on which all nodes are
NETWORK = "kind"


def name() -> str:
    """Give the cluster's name: CLUSTER, or this project's."""
    return os.environ.get("CLUSTER") or "stagecraft"


def kubeconfig() -> str:
    """Give the path of the cluster's own kubeconfig: a person's own is never read and never written."""
    return str(CACHE / "kind" / f"{name()}.kubeconfig")


def kubeconfig_shown() -> str:
    """Give the same path as a person would write it at the repository's root."""
    return os.path.relpath(kubeconfig(), ROOT)


def size() -> int:
    """Give how many nodes a new cluster gets, the first being its control plane.

    Raises:
        Problem: KIND_NODES is no number from 1 to 9.
    """
    given = os.environ.get("KIND_NODES") or "3"
    if given not in set("123456789"):
        raise Problem(f"KIND_NODES={given} is no number of nodes", "Set it to a number from 1 to 9.", Exit.USAGE)
    return int(given)


def published() -> list[Service]:
    """Give all services as the kind overlay publishes them, on this machine's loopback address."""
    return [
        Service(service, f"KIND_{service.upper()}_PORT", port(f"KIND_{service.upper()}_PORT", node_port(service)), {})
        for service in service_names()
    ]


def node_port(service: str) -> int:
    """Give the port at which every node answers for a service: its file in the kind overlay says so."""
    path = OVERLAYS / "kind" / f"{service}.yaml"
    try:
        return int(yaml.safe_load(path.read_text())["spec"]["ports"][0]["nodePort"])
    except OSError as error:
        raise Problem(
            f"{path.relative_to(ROOT)} can't be read: {error.strerror}", "Add it, with a nodePort.", Exit.USAGE
        ) from error


def kind() -> str:
    """Give the path of kind in the version that deploy/kind/go.mod pins, built unless it is here.

    Raises:
        Problem: It could not be built.
    """
    return str(go.build(KIND, MODULE, MODULE))


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl on the cluster and give what it prints, stripped.

    Raises:
        Problem: It ended with another code than 0; its last words are the advice.
    """
    return quiet("kubectl", "--kubeconfig", kubeconfig(), *arguments, stdin=stdin)


def members() -> list[str]:
    """Name the containers that are the cluster's nodes, the control plane's first."""
    label = f"label=io.x-k8s.kind.cluster={name()}"
    return sorted((output("docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}") or "").split())


def workers() -> list[str]:
    """Name the nodes that run pods: all but the control plane, or that where it is alone."""
    found = members()
    return [node for node in found if not node.endswith("control-plane")] or found


def ensure(image: str) -> None:
    """Have the cluster: the one that answers, or a new one.

    Args:
        image: The node image of a new one.

    Raises:
        Problem: The one that runs was made with other ports or another number of nodes, or none could be made.
    """
    found = members()
    if found and _answers():
        _compare(found)
        return
    if found:
        console.print("The cluster that was here no longer answers: making a new one.")
        delete()
    (CACHE / "kind").mkdir(parents=True, exist_ok=True)
    run(
        kind(), "create", "cluster", "--name", name(), "--image", image, "--kubeconfig", kubeconfig(),
        "--config", "-", "--quiet", stdin=yaml.safe_dump(configuration()),
    )  # fmt: skip
    kubectl("config", "set-context", "--current", "--namespace", NAMESPACE)


def configuration() -> dict[str, object]:
    """Give kind's configuration of a new cluster."""
    control_plane = {
        "role": "control-plane",
        "extraPortMappings": [
            {"containerPort": node_port(service.name), "hostPort": service.port, "listenAddress": "127.0.0.1"}
            for service in published()
        ],
    }
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        # tables of its own: in those of iptables, what enforces network policies can undo what kube-proxy writes
        "networking": {"kubeProxyMode": "nftables"},
        "nodes": [control_plane, *({"role": "worker"} for _ in range(size() - 1))],
    }


def _answers() -> bool:
    ready = ("kubectl", "--kubeconfig", kubeconfig(), "--request-timeout", "5s", "get", "--raw", "/readyz")
    return output(*ready, timeout=10) == "ok"


def _compare(found: list[str]) -> None:
    wanted = {service.port for service in published()}
    control_plane = next(node for node in found if node.endswith("control-plane"))
    bound = json.loads(quiet("docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", control_plane))
    ports = {int(one["HostPort"]) for bindings in bound.values() for one in bindings}
    if len(found) != size() or not wanted <= ports:
        raise Problem(
            f"the cluster {name()} has {len(found)} nodes and the ports {', '.join(map(str, sorted(ports)))}",
            f"Wanted are {size()} nodes and the ports {', '.join(map(str, sorted(wanted)))}."
            " Only a new cluster can have them: `make kind-down` first.",
            Exit.USAGE,
        )


def delete() -> bool:
    """Remove the cluster and its kubeconfig; False where there was none."""
    found = members()
    if found:
        # kind's own deletion is this, and the kubeconfig's entry
        quiet("docker", "rm", "--force", "--volumes", *found)
        registry.leave(NETWORK)
    Path(kubeconfig()).unlink(missing_ok=True)
    return bool(found)


def load(group: str = "production") -> dict[str, str]:
    """Bring the services' images to where every node pulls from: the registry of this machine.

    Args:
        group: Bake's group that has built them.

    Returns:
        By image as the overlay names it, the reference that pods ask for: localhost:5001/stagecraft/echo@sha256:…
    """
    tagged = bake.images(group)
    pushed = push(list(tagged.values()))
    return {manifests.NAMED + service: pushed[image] for service, image in tagged.items()}


def push(images: list[str]) -> dict[str, str]:
    """Bring images of the engine to where every node pulls from; give by image the reference that pods ask for."""
    registry.join(NETWORK)
    introduce_registry(members())
    return registry.push(images)


def introduce_registry(nodes: list[str]) -> None:
    """Tell the containerd of nodes where this machine's registry is from where they are."""
    hosts = f'[host."http://{registry.NAME}:{registry.PORT}"]\n'
    script = 'mkdir -p "/etc/containerd/certs.d/$0" && cat > "/etc/containerd/certs.d/$0/hosts.toml"'
    for node in nodes:
        quiet("docker", "exec", "--interactive", node, "sh", "-c", script, registry.address(), stdin=hosts)


def add_ons() -> dict[str, str]:
    """Give the full names of the images that the kind overlay runs beside the services, from the cluster's registry."""
    # /kind/version, as kubeadm would ask the network for the newest
    list_names = 'kubeadm config images list --kubernetes-version "$(cat /kind/version)"'
    listed = quiet("docker", "exec", members()[0], "sh", "-c", list_names)
    version = go.version(KIND / "node-image" / "hyperkube", "sigs.k8s.io/metrics-server")
    return {"metrics-server": f"{listed.partition('/')[0]}/metrics-server/metrics-server:{version}"}


def apply(rendered: str) -> None:
    """Make the cluster hold all objects of a YAML stream as they are there."""
    # --force-conflicts: what `kubectl scale` and the like have changed is changed back
    options = ("--server-side", "--force-conflicts", "--field-manager", "stagecraft", "--filename", "-")
    kubectl("apply", *options, stdin=rendered)


def pods(service: str) -> list[Any]:
    """Give a service's pods as the API server has them, the oldest first, without those that end or have ended."""
    listed = kubectl(
        "--namespace", NAMESPACE, "get", "pods", f"--selector=app.kubernetes.io/name={service}", "--output=json"
    )  # fmt: skip
    found = [
        pod
        for pod in json.loads(listed)["items"]
        if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] != "Failed"
    ]
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def wait(resources: Iterable[str]) -> None:
    """Wait until rollouts are done.

    Args:
        resources: Such as deployment/echo, in the project's namespace.

    Raises:
        Problem: One does not come up; the advice shows the pods' last lines, warnings about them and the pods.
    """
    waiting = [
        subprocess.Popen(
            [
                "kubectl", "--kubeconfig", kubeconfig(), "--namespace", NAMESPACE, "rollout", "status", resource,
                "--timeout", f"{ROLLOUT_SECONDS}s",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for resource in resources
    ]  # fmt: skip
    if any([process.wait() for process in waiting]):  # noqa: C419 - every one is waited for
        raise Problem("a rollout does not get done", _why())


def _why() -> str:
    words = ("--namespace", NAMESPACE)
    warnings = "--field-selector=type=Warning"
    events = kubectl(*words, "get", "events", warnings, "--sort-by=.lastTimestamp", "--output=custom-columns=:.message")
    lines = [
        kubectl(*words, "logs", pod, "--tail=5", "--prefix", "--ignore-errors")
        for pod in kubectl(*words, "get", "pods", "--output=name").split()
    ]
    # the summary last, where a person looks first
    return "\n".join([*lines, *events.splitlines()[-10:], kubectl(*words, "get", "pods", "--output=wide")])
