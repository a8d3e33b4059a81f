"""Bring images onto a kind cluster's nodes: only the layers that they lack, to all nodes at once."""

import io
import json
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO

from stagecraft.problem import Problem
from stagecraft.shell import quiet

BLOBS = "blobs/sha256/"
CTR = ("ctr", "--namespace", "k8s.io")


def load(nodes: list[str], images: list[str]) -> dict[str, str]:
    """Bring images of the engine onto nodes.

    Args:
        nodes: The nodes' containers.
        images: By name and tag.

    Returns:
        By image, the digest under which every node has it: sha256:…

    Raises:
        Problem: A node did not take them.
    """
    with ThreadPoolExecutor(len(nodes)) as pool:
        found = list(pool.map(_digests, nodes))
        wanted = {image: _id(image) for image in images}
        missing = [image for image, identity in wanted.items() if any(identity not in digests for digests in found)]
        if missing:
            with tempfile.NamedTemporaryFile() as archive:
                quiet("docker", "save", "--output", archive.name, *missing)
                list(pool.map(lambda node: _import(node, archive.name), nodes))
            found = [_digests(nodes[0])]
    return {image: found[0][identity] for image, identity in wanted.items()}


def archived(images: list[str], path: str) -> dict[str, str]:
    """Save images of the engine as an archive.

    Args:
        images: By name and tag.
        path: Of the archive.

    Returns:
        By image, its digest in the archive, which is the one that `load` gives it: sha256:…
    """
    quiet("docker", "save", "--output", path, *images)
    digests = _index(path)
    return {image: next(digests[name] for name in digests if name.endswith(f"/{image}")) for image in images}


def _id(image: str) -> str:
    return quiet("docker", "image", "inspect", "--format", "{{.Id}}", image)


def _digests(node: str) -> dict[str, str]:
    """Give by its id the digest of each image that a node has by its digest."""
    listed = json.loads(quiet("docker", "exec", node, "crictl", "images", "--output", "json"))["images"]
    by_id = {image["id"]: reference.rpartition("@")[2] for image in listed for reference in image["repoDigests"]}
    # an engine with containerd's image store calls an image by this digest itself
    return by_id | {digest: digest for digest in by_id.values()}


def _import(node: str, path: str) -> None:
    present = set(quiet("docker", "exec", node, *CTR, "content", "list", "--quiet").split())
    command = ["docker", "exec", "--interactive", node, *CTR, "images", "import", "-"]
    with tempfile.TemporaryFile("w+") as words:
        importing = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=words, stderr=words)
        assert importing.stdin  # noqa: S101 - a pipe
        with suppress(BrokenPipeError), importing.stdin:  # where it ends early, its words say why
            _copy(path, importing.stdin, present)
        if importing.wait():
            words.seek(0)
            raise Problem(f"{node} did not take the images", words.read()[-3000:].strip())
    for name, digest in _index(path).items():
        # a pod names its image by the digest, which a tag alone does not give
        by_digest = f"{name.rpartition(':')[0]}@{digest}"
        quiet("docker", "exec", node, *CTR, "images", "tag", "--force", name, by_digest)


def _index(path: str) -> dict[str, str]:
    """Give by full name and tag the digest of each image in an archive."""
    with tarfile.open(path) as archive:
        index = json.load(archive.extractfile("index.json") or io.BytesIO())
    return {one["annotations"]["io.containerd.image.name"]: one["digest"] for one in index["manifests"]}


def _copy(path: str, target: IO[bytes], present: set[str]) -> None:
    """Copy an archive without the blobs that are present."""
    with tarfile.open(path) as archive, tarfile.open(fileobj=target, mode="w|") as written:
        for member in archive:
            if f"sha256:{member.name.removeprefix(BLOBS)}" not in present:
                written.addfile(member, archive.extractfile(member))
