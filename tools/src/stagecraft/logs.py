"""Several services' lines in one terminal, each with its service's name and colour in front."""

import subprocess
import threading
from collections.abc import Callable

from rich.text import Text

from stagecraft.console import console
from stagecraft.project import ROOT, service_names

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


def show(service: str, line: str) -> None:
    """Print one line of a service."""
    names = service_names()
    prefix = f"{service:{max(map(len, names))}} | "
    console.print(Text.assemble((prefix, _COLOURS[names.index(service) % len(_COLOURS)]), Text.from_ansi(line)))


def follow(service: str, *command: str, ended: Callable[[], object] = lambda: None) -> None:
    """Print what a command prints as lines of a service, in a thread that ends with this process.

    Args:
        service: Whose lines they are.
        command: The program and its arguments.
        ended: What to do when it has ended.
    """

    def read() -> None:
        # errors too, as a container's stderr comes out there
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout  # noqa: S101 - a pipe
            for line in process.stdout:
                show(service, line.rstrip("\n"))
        ended()

    threading.Thread(target=read, daemon=True).start()
