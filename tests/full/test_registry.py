"""What a push leaves in the engine."""

from typing import Any

from stagecraft import cli, registry
from stagecraft.shell import output, quiet

DOCKERFILE = "FROM scratch\nLABEL dev.stagecraft.image=true number={}\nCOPY uv.lock /\n"


def test_clean_finds_an_image_that_was_pushed_and_lost_its_tag(run: Any) -> None:
    """When another takes its tag, its digest's name is no name to remove it by: it is named by its id."""
    registry.up()
    name = f"{registry.address()}/pushed:1"
    repository = name.rpartition(":")[0]
    for number in (1, 2):
        quiet("docker", "build", "--tag", name, "--file", "-", ".", stdin=DOCKERFILE.format(number))
        quiet("docker", "push", name)
    shown = output("docker", "images", "--format", "{{.Tag}} {{.ID}}", repository) or ""
    (identity,) = (line.split()[1] for line in shown.splitlines() if line.startswith("<none>"))

    try:
        assert identity in cli._made()  # noqa: SLF001 - what `make clean` removes
    finally:
        run("docker", "rmi", "--force", name, identity)
