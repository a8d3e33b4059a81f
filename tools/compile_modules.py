"""Compile what a service wants compiled: extensions take the place of the modules that its [tool.mypyc] names.

Run in the service's folder, by the `compiled` stage of the Dockerfile. mypyc makes C of Python, and zig, which has a C
library's headers for each machine, makes an extension of that, whichever machine it runs on itself. Of these modules no
source stays: an extension that could not be loaded would be replaced by it without a word.
"""

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from mypyc.build import mypycify

# The image that ships, for its headers.
IMAGE = Path("/python")
# What is neither here nor there: the C of each module.
SCRATCH = "/tmp/mypyc"  # noqa: S108 - a stage has it for itself
# Docker's word for a machine, and everybody else's.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def main(machine: str) -> None:
    """Compile the modules of the service in this folder.

    Args:
        machine: What to compile for.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text())
    include = IMAGE / sysconfig.get_path("include").lstrip("/")
    if not (include / "Python.h").exists():
        sys.exit(
            f"the Python image has no headers, which compiled modules need: {include}/Python.h; python's own have them"
        )
    os.chdir("src")
    sources = [module.replace(".", "/") + ".py" for module in project["tool"]["mypyc"]["modules"]]
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
    for source in sources:
        Path(source).unlink()


if __name__ == "__main__":
    main(MACHINES[os.environ["TARGETARCH"]])
