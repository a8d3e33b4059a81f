"""What `stagecraft --help` teaches."""

import re
import shlex

import pytest
import typer

from stagecraft.cli import app
from stagecraft.project import ROOT

COMMANDS = typer.main.get_group(app).commands
EXAMPLES = {name: found[1] for name, command in COMMANDS.items()
            if (found := re.fullmatch(r"Example: `(.*)`", command.epilog or ""))}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_understood(name: str) -> None:
    """Its options and arguments are the command's own."""
    _, _, words = EXAMPLES[name].partition("stagecraft ")
    command, *arguments = shlex.split(re.split(r" [|&)]|\)", words)[0])

    assert command == name
    COMMANDS[name].make_context(name, arguments)


def test_commands_are_where_the_makefile_has_them() -> None:
    """Whoever knows one knows the other: the same headings, over what both have."""
    sections = re.findall(r"^##@ (\w+)\n(.*?)(?=^##@|\Z)", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    targets = {
        name: heading for heading, text in sections for name in re.findall(r"^([a-z-]+):.* ## ", text, re.MULTILINE)
    }
    both = targets.keys() & COMMANDS.keys()

    assert {name: vars(COMMANDS[name])["rich_help_panel"] for name in both} == {name: targets[name] for name in both}
