"""Three ways of bringing images onto a cluster's nodes, on a cluster of its own: nothing runs there."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.progress import track

from stagecraft import bake, cluster, node_image, registry
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.shell import quiet, run

CLUSTER = "stagecraft-transport"
ROUNDS = 3
REPOSITORY = "transport/"


def measure() -> dict[str, dict[str, list[float]]]:
    """Time each way, in turn, with all images new to two workers, and again when one layer of one is another.

    Returns:
        By way, by `new` and `changed`, seconds of each round.

    Raises:
        Problem: No cluster or no registry could be had.
    """
    ways: dict[str, Callable[[list[str], list[str]], object]] = {
        "kind load": _kind_load,
        "archive": _archive,
        "registry": _registry,
    }
    found: dict[str, dict[str, list[float]]] = {way: {"new": [], "changed": []} for way in ways}
    bake.build("production")
    images = list(bake.images().values())
    with _workers() as workers:
        for _ in track(range(ROUNDS), "transport", console=errors):
            for way, bring in ways.items():
                copies = [_copy(image, way, "new") for image in images]
                found[way]["new"].append(_timed(bring, workers, copies))
                changed = [_copy(images[0], way, "changed"), *copies[1:]]
                found[way]["changed"].append(_timed(bring, workers, changed))
                _forget(workers)
                quiet("docker", "rmi", "--force", *{*copies, *changed})
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Give the table."""
    lines = [
        "| all production images to two workers | all layers new, s | one layer of one new, s |",
        "|---|---:|---:|",
    ]
    words = {
        "kind load": "`kind load`",
        "archive": "an archive, imported on every node",
        "registry": "a registry of this machine (ours)",
    }
    lines += [f"| {words[way]} | {spread(s['new'], 1)} | {spread(s['changed'], 1)} |" for way, s in found.items()]
    return "\n".join(lines)


def _timed(bring: Callable[[list[str], list[str]], object], workers: list[str], images: list[str]) -> float:
    started = time.monotonic()
    bring(workers, images)
    return round(time.monotonic() - started, 2)


def _copy(image: str, way: str, tag: str) -> str:
    """Give an image like another with one more layer, of a megabyte that no other image has."""
    repository = f"{registry.address()}/{REPOSITORY}" if way == "registry" else REPOSITORY
    name = f"{repository}{image.rpartition('/')[2].partition(':')[0]}:{tag}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "layer").write_bytes(os.urandom(2**20))
        quiet("docker", "build", "--tag", name, "--file", "-", folder, stdin=f"FROM {image}\nCOPY layer /layer\n")
    return name


def _kind_load(workers: list[str], images: list[str]) -> None:
    quiet(cluster.kind(), "load", "docker-image", "--name", CLUSTER, "--nodes", ",".join(workers), *images)


def _archive(workers: list[str], images: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/images.tar"
        quiet("docker", "save", "--output", archive, *images)

        def take(node: str) -> None:
            quiet("sh", "-c", f"docker exec --interactive {node} ctr --namespace k8s.io images import - < {archive}")

        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(take, workers))


def _registry(workers: list[str], images: list[str]) -> None:
    for image in images:
        quiet("docker", "push", "--quiet", image)
    with ThreadPoolExecutor(len(workers)) as pool:
        list(
            pool.map(lambda node: [quiet("docker", "exec", node, "crictl", "pull", image) for image in images], workers)
        )


def _forget(workers: list[str]) -> None:
    """Empty the nodes and the registry of the images."""
    for node in workers:
        # the cluster's own are pinned
        quiet("docker", "exec", node, "crictl", "rmi", "--prune")
    registry.down()
    registry.join(cluster.NETWORK)


@contextmanager
def _workers() -> Iterator[list[str]]:
    """Have a cluster with two workers, which know the registry, for as long as the block runs."""
    image = node_image.ensure()
    configuration = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = f"{folder}/kubeconfig"
        try:
            run(
                cluster.kind(), "create", "cluster", "--name", CLUSTER, "--image", image, "--kubeconfig", kubeconfig,
                "--config", "-", "--quiet", stdin=yaml.safe_dump(configuration),
            )  # fmt: skip
            registry.join(cluster.NETWORK)
            workers = [f"{CLUSTER}-worker", f"{CLUSTER}-worker2"]
            cluster.introduce_registry(workers)
            yield workers
        finally:
            run(cluster.kind(), "delete", "cluster", "--name", CLUSTER, "--kubeconfig", kubeconfig, "--quiet")
            registry.leave(cluster.NETWORK)
