"""A registry of this machine's own, for what needs one: crane, which deploy/registry pins, serving in a container."""

import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stagecraft import go
from stagecraft.project import ROOT, Service, port
from stagecraft.shell import output, quiet

MODULE = "github.com/google/go-containerregistry"
PACKAGE = f"{MODULE}/cmd/crane"
SOURCE = ROOT / "deploy" / "registry"
NAME = "stagecraft-registry"
# Inside its container, and so for the nodes of a cluster.
PORT = 5000
DOCKERFILE = f"""\
FROM scratch
LABEL dev.stagecraft.image=true
COPY crane /
USER 65532:65532
ENTRYPOINT ["/crane", "registry", "serve", "--address", ":{PORT}"]
"""
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def crane() -> Path:
    """Give the path of crane, built from its module unless it was before.

    Raises:
        Problem: It could not be built.
    """
    return go.build(SOURCE, MODULE, PACKAGE)


def address() -> str:
    """Give where this machine reaches it, as the first part of an image's name: localhost:5001."""
    return f"localhost:{port('REGISTRY_PORT', 5001)}"


def published() -> Service:
    """Give where it is published, as the services are."""
    return Service("the registry", "REGISTRY_PORT", int(address().rpartition(":")[2]), {})


def runs() -> bool:
    """Tell whether it runs, on the port that is asked for."""
    state = output("docker", "inspect", "--format", "{{.State.Running}} {{json .HostConfig.PortBindings}}", NAME) or ""
    return state.startswith("true") and f'"{published().port}"' in state


def up() -> None:
    """Start it, empty, unless it runs.

    Raises:
        Problem: It could not be built or started.
    """
    if runs():
        return
    image = f"stagecraft/registry:{go.version(SOURCE, MODULE)}"
    with tempfile.TemporaryDirectory() as context:
        shutil.copy(crane(), Path(context) / "crane")
        quiet("docker", "build", "--quiet", "--tag", image, "--file", "-", context, stdin=DOCKERFILE)
    down()
    at = f"127.0.0.1:{published().port}:{PORT}"
    quiet("docker", "run", "--detach", "--name", NAME, "--publish", at, *HARDENED, image)


def join(network: str) -> None:
    """Have it on a network of the engine, where it is called by its NAME.

    Raises:
        Problem: It could not be built or started.
    """
    up()
    if network not in quiet("docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", NAME):
        quiet("docker", "network", "connect", network, NAME)


def leave(network: str) -> None:
    """Stop it where it is alone on a network by now."""
    names = output("docker", "network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", network)
    if (names or "").split() == [NAME]:
        down()


def down() -> None:
    """Stop it and forget what it holds."""
    output("docker", "rm", "--force", NAME)


def push(images: list[str]) -> dict[str, str]:
    """Bring images of the engine into it: only the layers that it lacks.

    Args:
        images: By name and tag.

    Returns:
        By image, the reference by which it can be pulled: localhost:5001/stagecraft/echo@sha256:…

    Raises:
        Problem: An image is not there, or could not be pushed.
    """
    with ThreadPoolExecutor() as pool:
        return dict(zip(images, pool.map(_push, images), strict=True))


def _push(image: str) -> str:
    name = f"{address()}/{image}"
    quiet("docker", "tag", image, name)
    (digest,) = re.findall(r"digest: (sha256:\w+)", quiet("docker", "push", name))
    quiet("docker", "rmi", name)
    return f"{name.rpartition(':')[0]}@{digest}"
