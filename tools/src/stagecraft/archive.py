"""Images of the engine in one file, content-addressed: whoever imports it has them under the same digests."""

import io
import json
import tarfile

from stagecraft.shell import quiet


def save(images: list[str], path: str) -> dict[str, str]:
    """Save images of the engine as an archive.

    Args:
        images: By name and tag.
        path: Of the archive.

    Returns:
        By image, its digest in the archive: sha256:…

    Raises:
        Problem: One is not there.
    """
    quiet("docker", "save", "--output", path, *images)
    with tarfile.open(path) as archive:
        index = json.load(archive.extractfile("index.json") or io.BytesIO())
    digests = {one["annotations"]["io.containerd.image.name"]: one["digest"] for one in index["manifests"]}
    return {
        image: next(digests[name] for name in digests if name == image or name.endswith(f"/{image}"))
        for image in images
    }
