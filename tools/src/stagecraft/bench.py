"""Measure what the documents claim, and write it into them: docs/bench.json and the tables between bench marks."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import track

from stagecraft import bake, engine, python_image, scale
from stagecraft.console import console, errors
from stagecraft.problem import Problem
from stagecraft.project import ROOT, locked_version, service_names
from stagecraft.shell import output, quiet

RESULT = ROOT / "docs" / "bench.json"
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "design.md"]
STAGES = ["builder", "test", "development", "production"]
ROUNDS = 3
WORKER_ROUNDS = 6
LOAD_SECONDS = 3
CONNECTIONS = 32
PORT = 18000

# What may serve: the words that choose it, and the packages that only it needs.
WORKERS = {
    "gunicorn, asgi (ours)": (["--asgi-loop", "asyncio"], []),
    "gunicorn, asgi, uvloop": (["--asgi-loop", "uvloop"], ["uvloop"]),
    "gunicorn, uvicorn-worker": (
        ["--worker-class", "uvicorn_worker.UvicornWorker"],
        ["uvloop", "httptools", "uvicorn", "uvicorn_worker", "click"],
    ),
}  # fmt: skip


def run() -> None:
    """Measure everything, and write the result and the tables."""
    engine.ensure()
    python_image.ensure()
    result = {
        "machine": {
            "date": time.strftime("%Y-%m-%d"),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "system": platform.freedesktop_os_release()["PRETTY_NAME"],
            "engine": engine.version(),
            "buildx": engine.dotted(engine.versions()["buildx"]),
            "uv": locked_version("uv"),
            "python_image": python_image.name(python_image.selected()),
            "stand_in": python_image.name(python_image.selected()) in python_image.stand_ins(),
        },
        "images": _images(),
        "seconds": _seconds(),
        "services": scale.measure(),
        "workers": _workers(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    for path, text in documents().items():
        path.write_text(text)
    console.print(f"wrote {RESULT.relative_to(ROOT)} and the tables of {', '.join(p.name for p in DOCUMENTS)}")


def documents() -> dict[Path, str]:
    """Give each document as it must be with the tables of the last result."""
    result = json.loads(RESULT.read_text())
    return {path: _filled(path.read_text(), result) for path in DOCUMENTS}


def _filled(text: str, result: dict[str, Any]) -> str:
    def table(found: re.Match[str]) -> str:
        return f"<!-- bench: {found[1]} -->\n{TABLES[found[1]](result)}\n\n{_origin(result)}\n<!-- /bench -->"

    return re.sub(r"<!-- bench: (\w+) -->\n.*?<!-- /bench -->", table, text, flags=re.DOTALL)


def _size(image: str) -> float:
    return int(quiet("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _layers(image: str) -> int:
    return len(json.loads(quiet("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)))


def _images() -> list[dict[str, Any]]:
    base = python_image.name(python_image.selected())
    wanted = [("echo", "single-stage", ["--file", "Dockerfile.single-stage"])]
    wanted += [
        (service, stage, ["--target", stage, "--build-arg", f"SERVICE={service}"])
        for service in service_names()
        for stage in STAGES
    ]
    found = []
    for service, stage, arguments in track(wanted, "images", console=errors):
        tag = f"stagecraft/bench:{service}-{stage}"
        quiet("docker", "build", "--tag", tag, *arguments, ".")
        found.append(
            {
                "service": service,
                "stage": stage,
                "mb": round(_size(tag), 1),
                "mb_above_python": round(_size(tag) - _size(base), 1),
                "layers": _layers(tag),
            }
        )
        quiet("docker", "rmi", tag)
    return found


def _timed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def _seconds() -> dict[str, list[float]]:
    """Time builds of all services in a copy, whose source can be edited, and the start of one."""
    times: dict[str, list[float]] = {"cold": [], "no_op": [], "one_line": [], "start": []}
    variables = os.environ | bake.variables() | {"REGISTRY": "stagecraft/bench-", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    with _copy() as folder:
        build = ["docker", "buildx", "bake", "production"]

        def bake_in_copy(*more: str) -> None:
            subprocess.run([*build, *more], check=True, cwd=folder, env=variables, capture_output=True)

        for number in track(range(ROUNDS), "seconds", console=errors):
            times["cold"].append(_timed(lambda: bake_in_copy("--no-cache")))
            times["no_op"].append(_timed(bake_in_copy))
            source = folder / "services" / "echo" / "src" / "echo" / "app.py"
            source.write_text(f"{source.read_text()}\n# {number} {time.time()}\n")
            times["one_line"].append(_timed(bake_in_copy))
            times["start"].append(_start(["stagecraft/bench-echo:dev"]))
    for service in service_names():
        quiet("docker", "rmi", f"stagecraft/bench-{service}:dev")
    return {name: [round(value, 2) for value in values] for name, values in times.items()}


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Dockerfile", ".dockerignore", "docker-bake.hcl", "pyproject.toml", "uv.lock"):
            shutil.copy(ROOT / name, folder)
        for name in ("libs", "services", "tools"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        yield Path(folder)


@contextmanager
def _container(arguments: list[str]) -> Iterator[str]:
    # on the machine's own network: a published port has a proxy in front
    network = ("--network", "host", "--env", "HOST=127.0.0.1", "--env", f"PORT={PORT}")
    name = quiet("docker", "run", "--detach", "--rm", *network, *arguments)
    try:
        yield name
    finally:
        quiet("docker", "kill", name)


def _start(arguments: list[str]) -> float:
    start = time.monotonic()
    with _container(arguments):
        _ready()
        return time.monotonic() - start


def _ready() -> None:
    deadline = time.monotonic() + 30
    while output("curl", "--silent", "--fail", f"http://127.0.0.1:{PORT}/readyz") is None:
        if time.monotonic() > deadline:
            raise Problem("a service under measurement does not become ready")
        time.sleep(0.01)


def _workers() -> list[dict[str, Any]]:
    """Serve echo in each way in turn, on one core, loaded from another."""
    tag = "stagecraft/bench:workers"
    quiet("docker", "build", "--target", "builder", "--tag", tag, ".")
    secret = ["--secret", f"id=ca,src={bundle}"] if (bundle := bake.variables().get("SSL_CERT_FILE")) else []
    dockerfile = (
        f"FROM {tag}\nCOPY pyproject.toml uv.lock ./\n"
        "RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false"
        " uv sync --inexact --only-group bench\nENV SERVICE=echo LOG_LEVEL=warning\nUSER 10001:10001\n"
    )
    quiet("docker", "build", "--file", "-", *secret, "--tag", tag, ".", stdin=dockerfile)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in WORKERS}
    rounds = [(name, words) for _ in range(WORKER_ROUNDS) for name, (words, _) in WORKERS.items()]
    for name, words in track(rounds, "workers", console=errors):
        command = ["gunicorn", "--config", "python:chassis.gunicorn", *words]
        with _container(["--cpuset-cpus", "0", tag, *command]) as container:
            _ready()
            load = [sys.executable, "-m", "stagecraft.load", str(PORT), "/echo"]
            found = json.loads(quiet("taskset", "--cpu-list", "1", *load, str(LOAD_SECONDS), str(CONNECTIONS)))
            memory = quiet("docker", "exec", container, "sh", "-c", "cat /proc/[0-9]*/smaps_rollup | grep ^Pss:")
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


def _added(tag: str, packages: list[str]) -> float:
    if not packages:
        return 0
    folders = " ".join(f"/app/.venv/lib/python3*/site-packages/{package}" for package in packages)
    counted = quiet("docker", "run", "--rm", tag, "sh", "-c", f"du -ck {folders} | tail -n 1")
    return round(int(counted.split()[0]) / 1000, 1)


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"  # noqa: RUF001 - a range


def _images_table(result: dict[str, Any]) -> str:
    lines = ["| service, stage | MB | MB above the Python image | layers |", "|---|---:|---:|---:|"]
    for image in result["images"]:
        name = f"{image['service']}, {image['stage']}"
        name = f"**{name}**" if image["stage"] == "production" else name
        lines.append(f"| {name} | {image['mb']} | {image['mb_above_python']} | {image['layers']} |")
    return "\n".join(lines)


def _seconds_table(result: dict[str, Any]) -> str:
    names = {
        "cold": "all production images, nothing cached but packages",
        "no_op": "the same again, nothing changed",
        "one_line": "the same after a change of one line of echo",
        "start": "`docker run` to echo's first 200",
    }
    lines = ["| | seconds: median (range) |", "|---|---:|"]
    lines += [f"| {words} | {_spread(result['seconds'][name], 2)} |" for name, words in names.items()]
    return "\n".join(lines)


def _services_table(result: dict[str, Any]) -> str:
    lines = ["| production images | cold, s | nothing changed, s | MB, each layer once |", "|---|---:|---:|---:|"]
    for number, found in result["services"].items():
        size = f"{(found['shared'] + found['unique']) / 1e6:.0f}, {found['shared'] / 1e6:.0f} of them shared by all"
        lines.append(f"| {number} services | {_spread(found['cold'], 1)} | {_spread(found['no_op'], 1)} | {size} |")
    return "\n".join(lines)


def _workers_table(result: dict[str, Any]) -> str:
    lines = ["| worker | POST /echo, requests/s | p99 ms | PSS MB | adds MB |", "|---|---:|---:|---:|---:|"]
    for worker in result["workers"]:
        rate, p99, pss = worker["requests_per_second"], worker["p99_ms"], worker["pss_mb"]
        cells = [worker["worker"], _spread(rate, 0), _spread(p99, 1), _spread(pss, 0), worker["added_mb"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _origin(result: dict[str, Any]) -> str:
    machine = result["machine"]
    stand_in = " (a stand-in)" if machine["stand_in"] else ""
    return (
        f"`make bench`, {machine['date']}: {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']},"
        f" Docker Engine {machine['engine']}, buildx {machine['buildx']}, uv {machine['uv']},"
        f" {machine['python_image']}{stand_in}."
    )


TABLES = {
    "images": _images_table,
    "seconds": _seconds_table,
    "services": _services_table,
    "workers": _workers_table,
}
