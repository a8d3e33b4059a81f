"""What serves: gunicorn's own worker, and those that it could have instead."""

import json
import sys
from typing import Any

from rich.progress import track

from stagecraft import ca
from stagecraft.bench.serve import PORT, container, wait_until_ready
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.shell import quiet

ROUNDS = 10
LOAD_SECONDS = 3
CONNECTIONS = 32

GUNICORN = ["gunicorn", "--config", "python:chassis.gunicorn"]
UVICORN = ["uvicorn", "--app-dir", "/", "--host", "127.0.0.1", "--port", str(PORT), "bare:app"]
# What may serve: its command, and the packages that only it needs.
WORKERS: dict[str, tuple[list[str], list[str]]] = {
    "gunicorn, asgi (ours)": ([*GUNICORN, "--asgi-loop", "asyncio"], []),
    "gunicorn, asgi, uvloop": ([*GUNICORN, "--asgi-loop", "uvloop"], ["uvloop"]),
    "gunicorn, uvicorn-worker": (
        [*GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker"],
        ["uvloop", "httptools", "uvicorn", "uvicorn_worker", "click"],
    ),
    "uvicorn, bare FastAPI": (UVICORN, ["uvloop", "httptools", "uvicorn", "click"]),
    "uvicorn, bare FastAPI, no log": ([*UVICORN, "--no-access-log"], ["uvloop", "httptools", "uvicorn", "click"]),
}
# Echo's routes, and nothing of the chassis: no id, no metrics, no limits, no problem details.
BARE = """\
import fastapi, echo.routes
app = fastapi.FastAPI()
app.include_router(echo.routes.router)
app.get("/readyz")(lambda: None)
"""


def measure() -> list[dict[str, Any]]:
    """Serve echo in each way in turn, on one core, loaded from another."""
    tag = "stagecraft/bench:workers"
    quiet("docker", "build", "--target", "builder", "--tag", tag, ".")
    secret = ["--secret", f"id=ca,src={bundle}"] if (bundle := ca.bundle()) else []
    dockerfile = (
        f"FROM {tag}\nCOPY pyproject.toml uv.lock ./\n"
        "RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false"
        f" uv sync --inexact --only-group bench\nCOPY <<EOF /bare.py\n{BARE}EOF\nENV SERVICE=echo\nUSER 10001:10001\n"
    )
    quiet("docker", "build", "--file", "-", *secret, "--tag", tag, ".", stdin=dockerfile)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in WORKERS}
    rounds = [(name, command) for _ in range(ROUNDS) for name, (command, _) in WORKERS.items()]
    for name, command in track(rounds, "workers", console=errors):
        with container(["--cpuset-cpus", "0", tag, *command]) as name_of_container:
            wait_until_ready()
            load = [sys.executable, "-m", "stagecraft.load", str(PORT), "/echo"]
            found = json.loads(quiet("taskset", "--cpu-list", "1", *load, str(LOAD_SECONDS), str(CONNECTIONS)))
            memory = quiet(
                "docker", "exec", name_of_container, "sh", "-c", "cat /proc/[0-9]*/smaps_rollup | grep ^Pss:"
            )
            found["pss_mb"] = sum(int(line.split()[1]) for line in memory.splitlines()) / 1024
            measured[name].append(found)
    added = {name: _added(tag, packages) for name, (_, packages) in WORKERS.items()}
    quiet("docker", "rmi", tag)
    return [
        {
            "worker": name,
            **{key: [round(one[key], 1) for one in found] for key in found[0]},
            "added_mb": added[name],
        }
        for name, found in measured.items()
    ]


def table(found: list[dict[str, Any]]) -> str:
    """Give the table."""
    lines = ["| worker | POST /echo, requests/s | p99 ms | PSS MB | adds MB |", "|---|---:|---:|---:|---:|"]
    for worker in found:
        rate, p99, pss = worker["requests_per_second"], worker["p99_ms"], worker["pss_mb"]
        cells = [worker["worker"], spread(rate, 0), spread(p99, 1), spread(pss, 0), worker["added_mb"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _added(tag: str, packages: list[str]) -> float:
    if not packages:
        return 0
    folders = " ".join(f"/app/.venv/lib/python3*/site-packages/{package}" for package in packages)
    counted = quiet("docker", "run", "--rm", tag, "sh", "-c", f"du -ck {folders} | tail -n 1")
    return round(int(counted.split()[0]) / 1000, 1)
