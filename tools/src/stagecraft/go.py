"""Go, for what is published only as Go modules: this machine's, or the one that uv.lock pins."""

import re
import shutil
from pathlib import Path

from stagecraft.console import console
from stagecraft.project import USER_CACHE
from stagecraft.shell import output, run

# What the modules under deploy/ ask for.
NEEDED = (1, 26)


def command() -> list[str]:
    """Give the words to put before a command, so that it finds a Go that is new enough: none where PATH has one."""
    found = re.search(r"go(\d+)\.(\d+)", output("go", "version") or "")
    if found and (int(found[1]), int(found[2])) >= NEEDED:
        return []
    return ["uv", "run", "--quiet", "--frozen", "--isolated", "--only-group", "go"]


def version(folder: Path, module: str) -> str:
    """Give the version of a module that the go.mod of a folder pins: v0.33.0."""
    words = (folder / "go.mod").read_text().split()
    return words[words.index(module, words.index("require")) + 1]


def built(folder: Path, module: str, package: str) -> Path:
    """Give where a program is kept when it was built here, outside the repository.

    Args:
        folder: Whose go.mod pins it.
        module: The module that it is of.
        package: The package that it is made from, whose last part is its name.
    """
    return USER_CACHE / f"{package.rpartition('/')[2]}-{version(folder, module)}"


def build(folder: Path, module: str, package: str) -> Path:
    """Have a program: PATH's of that version, or one built here; none is built without the checksums of go.sum.

    Args:
        folder: Whose go.mod pins it.
        module: The module that it is of.
        package: The package that it is made from.

    Returns:
        Its path.

    Raises:
        Problem: It could not be built.
    """
    path = built(folder, module, package)
    name, _, wanted = path.name.rpartition("-")
    if (found := shutil.which(name)) and wanted in (output(found, "version") or "").split():
        return Path(found)
    if not path.exists():
        console.print(f"This machine lacks {name} {wanted}. Building it from its Go module.")
        part = path.with_name(f"{path.name}.part")
        environment = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        run(*command(), "go", "-C", str(folder), "build", "-o", str(part), package, env=environment)
        part.rename(path)
    return path
