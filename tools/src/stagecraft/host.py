"""The services as processes of this machine, for one without an engine: from the lock, as the images are."""

import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from stagecraft import frontend, logs
from stagecraft.bake import variables
from stagecraft.problem import Problem
from stagecraft.project import CACHE, CONTAINER_PORT, ROOT, Service, services
from stagecraft.shell import run

FOLDER = CACHE / "host"
START_SECONDS = 30
# compose.yaml's stop_grace_period
STOP_SECONDS = 30
# What a process gets of the environment: a container gets none of it either.
KEPT = ("HOME", "LANG", "PATH", "TMPDIR")


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
        _sync(FOLDER / service.name, service.name, "--no-editable")
    down()
    for service in published:
        _start(service, [str(FOLDER / service.name / "bin" / "gunicorn"), "--config", "python:chassis.gunicorn"], {})
    for service in published:
        _wait(service)


def develop(service: Service, arguments: list[str], settings: Mapping[str, str]) -> None:
    """Install a service with what its development stage adds, and start it in place of what runs of it.

    Args:
        service: The service.
        arguments: What Python is told, so that it serves.
        settings: Variables beyond those of compose.yaml.
    """
    install(service.name)
    stop([service.name])
    _start(service, [_python(service.name), *arguments], settings)


def install(service: str) -> None:
    """Bring a service's development environment up to date with the lock."""
    _sync(development(service), service, "--group", "development")


def development(service: str) -> Path:
    """Give where a service is installed with what its development stage adds."""
    return FOLDER / f"{service}-development"


def bundle(service: str) -> None:
    """Bundle a service's front end anew for every environment that the service is installed in here."""
    for environment in (FOLDER / service, development(service)):
        if environment.exists():
            frontend.build(service, environment)


def developed() -> list[str]:
    """Name the services that run as processes that reload."""
    processes = {name: _process(_pid_file(name)) for name in running()}
    return [name for name, process in processes.items() if process and _python(name) in process.cmdline()]


def down() -> None:
    """Stop every process that was started here."""
    stop(path.stem for path in FOLDER.glob("*.pid"))


def stop(services: Iterable[str]) -> None:
    """Stop services' processes as a cluster would: SIGTERM, and wait for their drain."""
    files = [path for name in services if (path := _pid_file(name)).exists()]
    processes = [process for path in files if (process := _process(path))]
    for process in processes:
        process.terminate()
    for process in psutil.wait_procs(processes, timeout=STOP_SECONDS)[1]:
        process.kill()
    for path in files:
        path.unlink(missing_ok=True)


def clean() -> None:
    """Remove the environments, the logs and all else that `up` made."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    frontend.clean()


def follow(services: Iterable[str], tail: str = "all") -> None:
    """Print the lines of services' processes, and of those that take their place, until there is none any more.

    Args:
        services: Their names.
        tail: How many of the lines that are there already.
    """
    wanted = set(services)
    for name in sorted(wanted & set(running())):
        # -F goes on where a log is begun anew
        logs.follow(name, "tail", "-F", "-n", "+1" if tail == "all" else tail, str(FOLDER / f"{name}.log"))
    while wanted & set(running()):
        time.sleep(0.5)


def _python(service: str) -> str:
    return str(development(service) / "bin" / "python")


def _sync(environment: Path, service: str, *options: str) -> None:
    run(
        "uv", "sync", "--quiet", "--frozen", "--no-default-groups", "--package", service, *options,
        env={"UV_PROJECT_ENVIRONMENT": str(environment)},
    )  # fmt: skip
    frontend.build(service, environment)


def _log(service: Service) -> Path:
    return FOLDER / f"{service.name}.log"


def _pid_file(service: str) -> Path:
    return FOLDER / f"{service}.pid"


def _process(pid_file: Path) -> psutil.Process | None:
    # a process id alone could be another program's by now: its start time tells
    pid, started, _ = pid_file.read_text().split()
    try:
        process = psutil.Process(int(pid))
        return process if str(process.create_time()) == started and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _start(service: Service, command: list[str], more: Mapping[str, str]) -> None:
    settings = dict(service.environment)
    for sibling in services():
        # compose's names are those of its network: here every service is on the loopback address
        for name, value in settings.items():
            settings[name] = value.replace(
                f"http://{sibling.name}:{CONTAINER_PORT}", f"http://127.0.0.1:{sibling.port}"
            )
    settings |= {"SERVICE": service.name, "HOST": "127.0.0.1", "PORT": str(service.port), **more}
    if revision := variables().get("REVISION"):
        settings["REVISION"] = revision
    with _log(service).open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={name: os.environ[name] for name in KEPT if name in os.environ} | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = psutil.Process(process.pid).create_time()
    _pid_file(service.name).write_text(f"{process.pid} {started} {service.port}")


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
