"""Go, for what is published only as Go modules: this machine's, or the one that uv.lock pins."""

import re
import shutil
from pathlib import Path

from stagecraft.console import console
from stagecraft.project import USER_CACHE
from stagecraft.shell import output, run

# What the modules of this repository ask for.
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


def found(folder: Path, module: str, package: str) -> Path | None:
    """Give the path of a program in the version that is pinned: PATH's, or one that was built here before.

    Args:
        folder: Whose go.mod pins it.
        module: The module that it is of.
        package: The package that it is made from, whose last part is its name.
    """
    name, wanted = package.rpartition("/")[2], version(folder, module)
    if (on_path := shutil.which(name)) and wanted in (output(on_path, "version") or "").split():
        return Path(on_path)
    kept = USER_CACHE / f"{name}-{wanted}"
    return kept if kept.exists() else None


def build(folder: Path, module: str, package: str) -> Path:
    """Have a program, built unless it is found; nothing is built without the checksums of the folder's go.sum.

    Args:
        folder: Whose go.mod pins it.
        module: The module that it is of.
        package: The package that it is made from.

    Returns:
        Its path.

    Raises:
        Problem: It could not be built.
    """
    if path := found(folder, module, package):
        return path
    name, wanted = package.rpartition("/")[2], version(folder, module)
    console.print(f"This machine lacks {name} {wanted}. Building it from its Go module.")
    path = USER_CACHE / f"{name}-{wanted}"
    part = path.with_name(f"{path.name}.part")
    environment = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    run(*command(), "go", "-C", str(folder), "build", "-o", str(part), package, env=environment)
    part.rename(path)
    return path
