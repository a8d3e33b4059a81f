"""What a person reads: one console, and the steps of a command with their seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

# In a pipe nothing is cut to a width: a table's rows stay whole.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Steps:
    """The steps of a command, each timed."""

    def __init__(self) -> None:
        """Start with none."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name a step and time it, when it ends well."""
        console.print(f"[bold]── {name}[/]")
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start

    def table(self) -> Table:
        """Give the steps and their seconds as a table."""
        table = Table("step", "seconds", box=None, pad_edge=False)
        table.columns[1].justify = "right"
        for name, seconds in (self.seconds | {"in all": sum(self.seconds.values())}).items():
            table.add_row(name, f"{seconds:.1f}")
        return table
