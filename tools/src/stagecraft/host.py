"""The services as processes of this machine, for one without an engine: from the lock, as the images are."""

import http.client
import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from stagecraft.bake import variables
from stagecraft.problem import Problem
from stagecraft.project import CACHE, ROOT, Service, services
from stagecraft.shell import run

FOLDER = CACHE / "host"
START_SECONDS = 30
# compose.yaml's stop_grace_period
STOP_SECONDS = 30
# What a process gets of the environment: a container gets none of it either.
KEPT = ("HOME", "LANG", "PATH", "TMPDIR")
# A container's port in compose.yaml.
PORT = 8000


def running() -> dict[str, int]:
    """Give the services that run as processes, and their ports."""
    return {path.stem: int(path.read_text().split()[2]) for path in FOLDER.glob("*.pid") if _process(path) is not None}


def up() -> None:
    """Install every service from the lock into an environment of its own, start it, and wait until it is ready.

    Raises:
        Problem: One does not become ready; its last lines are in the message.
    """
    published = services()
    for service in published:
        run(
            "uv", "sync", "--quiet", "--frozen", "--no-editable", "--no-default-groups", "--package", service.name,
            env={"UV_PROJECT_ENVIRONMENT": str(_environment(service))},
        )  # fmt: skip
    down()
    for service in published:
        _start(service, published)
    for service in published:
        _wait(service)


def down() -> None:
    """Stop every process that `up` started, as a cluster would: SIGTERM, and wait for its drain."""
    files = list(FOLDER.glob("*.pid"))
    processes = [process for path in files if (process := _process(path))]
    for process in processes:
        process.terminate()
    for process in psutil.wait_procs(processes, timeout=STOP_SECONDS)[1]:
        process.kill()
    for path in files:
        path.unlink()


def clean() -> None:
    """Remove the environments, the logs and all else that `up` made."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def _environment(service: Service) -> Path:
    return FOLDER / service.name


def _log(service: Service) -> Path:
    return FOLDER / f"{service.name}.log"


def _process(pid_file: Path) -> psutil.Process | None:
    # a process id alone could be another program's by now: its start time tells
    pid, started, _ = pid_file.read_text().split()
    try:
        process = psutil.Process(int(pid))
        return process if str(process.create_time()) == started and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _start(service: Service, published: list[Service]) -> None:
    settings = dict(service.environment)
    for sibling in published:
        # compose's names are those of its network: here every service is on the loopback address
        for name, value in settings.items():
            settings[name] = value.replace(f"http://{sibling.name}:{PORT}", f"http://127.0.0.1:{sibling.port}")
    settings |= {"SERVICE": service.name, "HOST": "127.0.0.1", "PORT": str(service.port)}
    if revision := variables().get("REVISION"):
        settings["REVISION"] = revision
    with _log(service).open("wb") as log:
        process = subprocess.Popen(
            [_environment(service) / "bin" / "gunicorn", "--config", "python:chassis.gunicorn"],
            cwd=ROOT,
            env={name: os.environ[name] for name in KEPT if name in os.environ} | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = psutil.Process(process.pid).create_time()
    (FOLDER / f"{service.name}.pid").write_text(f"{process.pid} {started} {service.port}")


def _wait(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _ready(service):
        if service.name not in running() or time.monotonic() > deadline:
            last = "\n".join(_log(service).read_text().splitlines()[-20:])
            raise Problem(f"{service.name} does not become ready", f"Its last lines:\n{last}")
        time.sleep(0.05)


def _ready(service: Service) -> bool:
    # http.client asks no proxy
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
