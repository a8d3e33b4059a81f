"""Say what each service needs of others: `python tools/needed.py FOLDER`, where uv.lock and pyproject.toml are.

FOLDER/services.txt has the services, a name a line; FOLDER/<service>/lock/pylock.toml the packages that one installs,
FOLDER/<service>/libs.txt the members that it needs, a folder a line. The last two are uv's own reading of uv.lock; of
the members themselves nothing is looked at.
"""

import subprocess
import sys
import tomllib
from pathlib import Path


def export(name: str, *options: str) -> str:
    """Have uv write what a member needs.

    Args:
        name: The member.
        options: Of `uv export`: what is written, and in which format.

    Returns:
        What uv printed.

    Raises:
        subprocess.CalledProcessError: uv refused; it has said why.
    """
    command = ["uv", "export", "--frozen", "--quiet", "--no-header", "--no-annotate", "--package", name, *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(target: Path) -> None:
    """Write what every service of uv.lock in the current folder needs, and their names.

    Args:
        target: Where to; it and each service's folder are made.
    """
    packages = tomllib.loads(Path("uv.lock").read_text())["package"]
    members = {one["name"]: Path(one["source"]["editable"]) for one in packages if "editable" in one["source"]}
    # uv wants to see every member, and reads of it no more than this
    for name, folder in members.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "0"\n')
    services = {name: folder.name for name, folder in members.items() if folder.parent == Path("services")}
    for name, service in services.items():
        needed = target / service
        (needed / "lock").mkdir(parents=True)
        export(name, "--no-emit-workspace", "--format=pylock.toml", f"--output-file={needed}/lock/pylock.toml")
        listed = export(name, "--no-emit-project", "--no-hashes").splitlines()
        libs = [line.removeprefix("-e ./").partition(" ;")[0] for line in listed if line.startswith("-e ./")]
        if other := [folder for folder in libs if not folder.startswith("libs/")]:
            sys.exit(f"{service} needs {other[0]}, but of the members a service may need only those in libs/")
        (needed / "libs.txt").write_text("".join(f"{lib}\n" for lib in libs))
    (target / "services.txt").write_text("".join(f"{service}\n" for service in services.values()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
