"""What is in one service's image: built in a single stage, and in several."""

from typing import Any

from rich.progress import track

from stagecraft.bench.builds import start
from stagecraft.bench.serve import PORT
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.inspection import archive, report
from stagecraft.shell import quiet

ROUNDS = 3
IMAGES = {
    "single-stage": ("--file", "Dockerfile.single-stage"),
    "development": ("--target", "development"),
    "production": (),
    "hardened": ("--build-arg", "ROOTFS=hardened"),
}
# uvicorn's own words for HOST and PORT
SERVING = ("--env", "UVICORN_HOST=127.0.0.1", "--env", f"UVICORN_PORT={PORT}")
ROWS = {
    "mb": "MB",
    "mb_to_pull": "MB to pull, compressed",
    "layers": "layers",
    "files": "files",
    "python": "Python distributions",
    "debian": "Debian packages",
    "privileged files": "setuid and setgid files",
    "shells": "shells",
    "package managers": "package managers",
}


def measure() -> dict[str, dict[str, Any]]:
    """Build echo in each way; give by image its megabytes, what one counts in it, and the seconds of its starts."""
    return {name: _measure(name, *build) for name, build in track([*IMAGES.items()], "contents", console=errors)}


def _measure(name: str, *build: str) -> dict[str, Any]:
    tag = f"stagecraft/bench:{name}"
    quiet("docker", "build", "--tag", tag, *build, ".")
    with archive.saved(tag) as saved:
        read = archive.read(saved)
        compressed = int(quiet("sh", "-c", 'gzip --stdout "$1" | wc --bytes', "gzip", str(saved)))
    said = report.report(tag, read, scans=[])
    starts = [round(start([*SERVING, tag]), 2) for _ in range(ROUNDS)]
    quiet("docker", "rmi", tag)
    return {
        "mb": round(said.size / 1e6, 1),
        "mb_to_pull": round(compressed / 1e6, 1),
        "layers": len(said.layers),
        "files": sum(entry.type == "file" for entry in read.entries.values()),
        "python": len(said.python),
        "debian": len(said.debian),
        "start": starts,
        **{what: len(found) for what, found in said.found.items()},
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Give the table."""
    lines = [f"| echo | {' | '.join(IMAGES)} |", f"|---|{'---:|' * len(IMAGES)}"]
    lines += [f"| {words} | {' | '.join(str(found[name][row]) for name in IMAGES)} |" for row, words in ROWS.items()]
    starts = " | ".join(spread(found[name]["start"], 2) for name in IMAGES)
    return "\n".join([*lines, f"| `docker run` to the first 200, s: median (range) | {starts} |"])
