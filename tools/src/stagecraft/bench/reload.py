"""How long it takes from saving a file to the first answer that has its change, in the development image."""

import http.client
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from rich.progress import track

from stagecraft.bench.serve import PORT, container, wait_until_ready
from stagecraft.console import errors
from stagecraft.problem import Problem
from stagecraft.project import ROOT, service_names
from stagecraft.shell import quiet

EDITS = 20
LIBRARY = Path("libs") / "chassis" / "src" / "chassis" / "app.py"
# The end of such a file after an edit: what /health says of the version is another.
END = """
_create_app = create_app
def create_app(*arguments, **options):
    app = _create_app(*arguments, **options)
    app.version = "{version}"
    return app
"""


def measure() -> dict[str, list[float]]:
    """Time edits of each service's own source and of the library's, in a copy."""
    times: dict[str, list[float]] = {}
    for service in service_names():
        own = Path("services") / service / "src" / service / "app.py"
        image = f"stagecraft/bench:{service}-development"
        quiet("docker", "build", "--target", "development", "--build-arg", f"SERVICE={service}", "--tag", image, ".")
        with tempfile.TemporaryDirectory() as folder:
            mounts = []
            for source in (own.parents[1], LIBRARY.parents[1]):
                shutil.copytree(ROOT / source, Path(folder) / source)
                mounts.append(f"--volume={folder}/{source}:/app/{source}:ro")
            serving = ("--env", "UVICORN_HOST=127.0.0.1", "--env", f"UVICORN_PORT={PORT}")
            with container([*mounts, *serving, image]):
                wait_until_ready()
                for name, path in (("own source", own), ("library", LIBRARY)):
                    edits = track(range(EDITS), f"{service}, {name}", console=errors)
                    times[f"{service}, {name}"] = [_edit(Path(folder) / path, number) for number in edits]
        quiet("docker", "rmi", "--force", image)
    return times


def table(found: dict[str, list[float]]) -> str:
    """Give the table."""
    lines = ["| a file of | p50, s | p95, s | the longest, s |", "|---|---:|---:|---:|"]
    for name, times in found.items():
        cuts = statistics.quantiles(times, n=20, method="inclusive")
        lines.append(f"| {name} | {cuts[9]:.2f} | {cuts[18]:.2f} | {max(times):.2f} |")
    return "\n".join(lines)


def _edit(path: Path, number: int) -> float:
    """Edit a file and give the seconds until it shows; undo that, and wait until that shows too."""
    text = path.read_text()
    version = f"edit-{number}"
    path.write_text(text + END.format(version=version))
    start = time.monotonic()
    _wait(version, shown=True)
    seconds = time.monotonic() - start
    path.write_text(text)
    _wait(version, shown=False)
    return round(seconds, 3)


def _wait(version: str, *, shown: bool) -> None:
    deadline = time.monotonic() + 30
    while (health := _health()) is None or (version in health) is not shown:
        if time.monotonic() > deadline:
            raise Problem("an edit under measurement is in no answer")
        time.sleep(0.005)


def _health() -> str | None:
    # http.client asks no proxy, and is no new process
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
