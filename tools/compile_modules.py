"""Compile what a service wants compiled: extensions take the place of the modules in its package `compiled`.

Run by the `compiled` stage of the Dockerfile, in a folder that has such a package and nothing else of the service, so
that no other edit compiles anything; it can import nothing of the service, either. mypyc makes C of Python, and zig,
which has a C library's headers for each machine, makes an extension of that, whichever machine it runs on itself. Of
these modules no source stays: an extension that could not be loaded would be replaced by it without a word.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from mypyc.build import mypycify

# The image that ships, for its headers.
IMAGE = Path("/python")
# What is neither here nor there: the C of each module.
SCRATCH = "/tmp/mypyc"  # noqa: S108 - a stage has it for itself
# Docker's word for a machine, and everybody else's.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def main(machine: str) -> None:
    """Compile the modules of the packages `compiled` that are in this folder.

    Args:
        machine: What to compile for.
    """
    include = IMAGE / sysconfig.get_path("include").lstrip("/")
    if not (include / "Python.h").exists():
        sys.exit(
            f"the Python image has no headers, which compiled modules need: {include}/Python.h; python's own have them"
        )
    sources = [str(path) for path in Path().glob("*/compiled/*.py") if path.name != "__init__.py"]
    # what tells mypyc that the folder above is a package, too
    above = [folder / "__init__.py" for folder in Path().iterdir()]
    for path in above:
        path.touch()
    for extension in mypycify(sources, target_dir=SCRATCH):
        target = f"{extension.name.replace('.', '/')}.{sys.implementation.cache_tag}-{machine}-linux-gnu.so"
        folders = [f"-I{folder}" for folder in (*extension.include_dirs, include)]
        # Debian's pyconfig.h includes that of the machine by a path from here
        folders += ["-idirafter", str(include.parent)]
        zig = [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
            "-target",
            f"{machine}-linux-gnu",
            "-shared",
            "-fPIC",
            "-O3",
            "-s",
        ]
        subprocess.run([*zig, *folders, *extension.sources, "-o", target], check=True)
    for path in [*map(Path, sources), *above]:
        path.unlink()


if __name__ == "__main__":
    wanted = os.environ["TARGETARCH"]
    if wanted not in MACHINES:
        sys.exit(f"there are images for {' and '.join(MACHINES)}, but not for {wanted}")
    main(MACHINES[wanted])
