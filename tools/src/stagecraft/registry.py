"""A registry of this machine's own, for what needs one: crane, which deploy/registry pins, serving in a container."""

from pathlib import Path

from stagecraft import go
from stagecraft.project import ROOT, port
from stagecraft.shell import output, quiet

MODULE = "github.com/google/go-containerregistry"
SOURCE = ROOT / "deploy" / "registry"
NAME = "stagecraft-registry"
# Inside its container, and so for the nodes of a cluster.
PORT = 5000


def crane() -> Path:
    """Give the path of crane, built from its module unless it was before.

    Raises:
        Problem: It could not be built.
    """
    return go.build(SOURCE, MODULE, f"{MODULE}/cmd/crane")


def address() -> str:
    """Give where this machine reaches it, as the first part of an image's name: localhost:5001."""
    return f"localhost:{port('REGISTRY_PORT', 5001)}"


def up(network: str = "bridge") -> None:
    """Start it, empty, in place of one that runs.

    Args:
        network: The engine's network that it is on, under its NAME.

    Raises:
        Problem: It could not be built or started.
    """
    program = crane()
    image = f"stagecraft/registry:{go.version(SOURCE, MODULE)}"
    dockerfile = f"FROM scratch\nLABEL dev.stagecraft.image=true\nCOPY {program.name} /crane\n"
    dockerfile += f'ENTRYPOINT ["/crane", "registry", "serve", "--address", ":{PORT}"]\n'
    context = str(program.parent)
    quiet("docker", "build", "--quiet", "--tag", image, "--file", "-", context, stdin=dockerfile)
    down()
    published = f"127.0.0.1:{address().rpartition(':')[2]}:{PORT}"
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "65532")
    quiet("docker", "run", "--detach", "--name", NAME, "--network", network, "--publish", published, *hardened, image)


def down() -> None:
    """Stop it and forget what it holds."""
    output("docker", "rm", "--force", NAME)
