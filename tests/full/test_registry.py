"""What a push leaves in the engine."""

from typing import Any

from stagecraft import cli, registry
from stagecraft.shell import output, quiet

DOCKERFILE = "FROM scratch\nLABEL dev.stagecraft.image=true\nCOPY uv.lock /\n"


def test_clean_finds_an_image_that_was_pushed_and_lost_its_tag(run: Any) -> None:
    """Its digest's name is no name to remove it by: it is named by its id."""
    registry.up()
    name = f"{registry.address()}/pushed:1"
    quiet("docker", "build", "--tag", name, "--file", "-", ".", stdin=DOCKERFILE)
    quiet("docker", "push", name)
    quiet("docker", "rmi", name)
    identity = output("docker", "images", "--format", "{{.ID}}", name.rpartition(":")[0])

    try:
        assert identity in cli._made()  # noqa: SLF001 - what `make clean` removes
    finally:
        run("docker", "rmi", "--force", str(identity))
