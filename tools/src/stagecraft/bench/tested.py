"""What a test stage costs: every service's tests in it, and the production images after them."""

from pathlib import Path

from rich.progress import track

from stagecraft.bench.builds import bake_in, copied, remove_baked
from stagecraft.bench.spread import spread
from stagecraft.console import errors

ROUNDS = 3
TEST = Path("services") / "echo" / "tests" / "test_echo.py"
SOURCE = Path("services") / "echo" / "src" / "echo" / "app.py"
# In this order in a round.
ROWS = {
    "cold": "`bake test`, nothing cached but packages",
    "no_op": "the same again, nothing changed",
    "test": "the same after an edit of a test of echo",
    "source": "the same after an edit of a source of echo",
    "production": "`bake production` after that",
}


def measure() -> dict[str, list[float]]:
    """Time them in a copy; the tests of every service, and edits of one."""
    times: dict[str, list[float]] = {name: [] for name in ROWS}
    with copied() as folder:

        def edit(path: Path, number: int) -> None:
            (folder / path).write_text(f"{(folder / path).read_text()}\n# {folder.name} {number}\n")

        bake_in(folder, "production")
        for number in track(range(ROUNDS), "test stages", console=errors):
            times["cold"].append(bake_in(folder, "--no-cache", "test"))
            times["no_op"].append(bake_in(folder, "test"))
            edit(TEST, number)
            times["test"].append(bake_in(folder, "test"))
            edit(SOURCE, number)
            times["source"].append(bake_in(folder, "test"))
            times["production"].append(bake_in(folder, "production"))
    remove_baked()
    return {name: [round(value, 2) for value in values] for name, values in times.items()}


def table(found: dict[str, list[float]]) -> str:
    """Give the table."""
    lines = ["| | seconds: median (range) |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {words} | {spread(found[name], 2)} |" for name, words in ROWS.items())])
