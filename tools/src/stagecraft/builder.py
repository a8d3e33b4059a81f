"""A builder of one's own beside the engine: it can attest, and keep caches in a registry, where the engine's can't."""

import os
import shutil
import tempfile
from pathlib import Path

from stagecraft import go, python_image, registry
from stagecraft.project import ROOT
from stagecraft.shell import output, quiet

NAME = "stagecraft"
MODULE = "github.com/moby/buildkit"
SOURCE = ROOT / "deploy" / "builder"
# What buildx takes by itself.
IMAGE = "moby/buildkit:buildx-stable-1"
DOCKERFILE = """\
ARG PYTHON
FROM ${PYTHON}
LABEL dev.stagecraft.image=true
RUN apt-get update && apt-get install --yes --no-install-recommends runc && rm -r /var/lib/apt/lists/*
COPY buildctl buildkitd /usr/bin/
ENTRYPOINT ["buildkitd"]
"""


def image() -> str:
    """Give the image that builders run: BuildKit's, or where no registry has that a stand-in of its Go module.

    Raises:
        Problem: It could not be built.
    """
    if python_image.present(IMAGE) or python_image.pullable(IMAGE):
        return IMAGE
    name = f"stagecraft/buildkit:{go.version(SOURCE, MODULE)}"
    if not python_image.present(name):
        python = f"PYTHON={python_image.name(python_image.selected())}"
        with tempfile.TemporaryDirectory() as context:
            for program in ("buildctl", "buildkitd"):
                shutil.copy(go.build(SOURCE, MODULE, f"{MODULE}/cmd/{program}"), Path(context) / program)
            quiet("docker", "build", "--tag", name, "--build-arg", python, "--file", "-", context, stdin=DOCKERFILE)
    return name


def exists(name: str = NAME) -> bool:
    """Tell whether there is a builder of a name."""
    return output("docker", "buildx", "inspect", name) is not None


def ensure(name: str = NAME) -> None:
    """Have a builder with a cache of its own, on this machine's network as the registry is.

    Args:
        name: As BUILDX_BUILDER takes it.

    Raises:
        Problem: It could not be made.
    """
    if not exists(name):
        options = f"image={image()},network=host"
        quiet("docker", "buildx", "create", "--name", name, "--driver", "docker-container", "--driver-opt", options)
    quiet("docker", "buildx", "inspect", "--bootstrap", name)


def python() -> str | None:
    """Give a stand-in as a builder can pull it: from this machine's registry; None where the Python image is another.

    Raises:
        Problem: It could not be pushed.
    """
    wanted = python_image.name(python_image.selected())
    if os.environ.get("PYTHON_IMAGE") or wanted not in python_image.stand_ins():
        return None
    registry.up()
    return registry.push([wanted])[wanted]


def delete(name: str = NAME) -> bool:
    """Remove a builder with its cache; False where there was none."""
    return output("docker", "buildx", "rm", name) is not None
