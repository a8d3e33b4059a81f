"""The developer's loop: services that reload on an edit, in containers or as processes of this machine."""

import os
import signal
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from stagecraft import bake, compose, engine, host, ports, python_image
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, Service, services, stage_environment
from stagecraft.shell import quiet


def loop(names: list[str], *, containers: bool, poll: bool, debug: bool) -> None:
    """Have services reload on an edit and print their lines, until Ctrl-C stops them.

    Args:
        names: The services; the others stay as they are.
        containers: Whether they run in their development images, or as processes of this machine.
        poll: Look for edits again and again, where a mount tells of none.
        debug: Let debuggers attach.

    Raises:
        Problem: A port is taken, or a build fails.
    """
    wanted = [service for service in services() if service.name in names]
    _check_ports(wanted, debug=debug)
    runner = compose if containers else host
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if containers:
            _start_containers(wanted, poll=poll, debug=debug)
        else:
            _start_processes(wanted, poll=poll, debug=debug)
        for service in wanted:
            debugger = f"  debugger: localhost:{service.debug_port}" if debug else ""
            console.print(f"{service.name:8} {service.url}  ({service.url}/docs){debugger}")
        console.print("They reload when a file under their src folders is saved. Ctrl-C stops them.")
        runner.follow(names)
    except KeyboardInterrupt:
        console.print()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        runner.stop(names)


def _check_ports(wanted: list[Service], *, debug: bool) -> None:
    running = compose.running() | host.running()
    listening = [service for service in wanted if running.get(service.name) != service.port]
    if debug:
        listening += [
            replace(one, name=f"{one.name}'s debugger", port_variable=one.debug_variable, port=one.debug_port)
            for one in wanted
            if one.name not in running
        ]
    ports.check(listening, "make dev")


def _start_containers(wanted: list[Service], *, poll: bool, debug: bool) -> None:
    names = [service.name for service in wanted]
    build(names)
    host.stop(names)
    images = bake.images("development")
    compose.develop({one.name: _override(one, images[one.name], poll=poll, debug=debug) for one in wanted})


def build(names: Iterable[str]) -> None:
    """Build services' development images, with the engine and the Python image that it takes."""
    python_image.prepare()
    bake.build("base", *(f"{name}-development" for name in names))


def _override(service: Service, image: str, *, poll: bool, debug: bool) -> dict[str, Any]:
    """Give what is laid over a service in compose.yaml: nothing is said twice, and no service has to be added here."""
    override: dict[str, Any] = {
        "image": image,
        "restart": "no",
        "environment": _switches(poll=poll, debug=debug),
        "volumes": [
            {
                "type": "bind",
                "source": str(path).replace("$", "$$"),
                "target": f"/app/{path.relative_to(ROOT)}",
                "read_only": True,
                "bind": {"create_host_path": False},
            }
            for path in sources(service.name)
        ],
    }
    if debug:
        override["command"] = ["python", *_debugger(service, "0.0.0.0")]  # noqa: S104 - a container's own network
        override["ports"] = [f"127.0.0.1:{service.debug_port}:{service.debug_port}"]
        override["mem_limit"] = "512m"
    return override


def _start_processes(wanted: list[Service], *, poll: bool, debug: bool) -> None:
    if engine.version():
        compose.stop(service.name for service in wanted)
    for service in wanted:
        settings = {
            **{
                name: value.replace("${SERVICE}", service.name)
                for name, value in stage_environment("development").items()
            },
            **_switches(poll=poll, debug=debug),
            "UVICORN_HOST": "127.0.0.1",
            "UVICORN_PORT": str(service.port),
            # tests are beside them, which an image has not got
            "UVICORN_RELOAD_DIRS": os.pathsep.join(map(str, sources(service.name))),
        }
        arguments = _debugger(service, "127.0.0.1") if debug else ["tools/reload.py"]
        host.develop(service, arguments, settings)


def sources(service: str) -> list[Path]:
    """Give the folders whose edits a service reloads on: its own source and that of each library it needs."""
    packages = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    needed = [service]
    for name in needed:
        needed += [one["name"] for one in packages[name].get("dependencies", []) if one["name"] not in needed]
    members = [packages[name]["source"].get("editable") for name in needed]
    return [ROOT / member / "src" for member in members if member]


def _debugger(service: Service, address: str) -> list[str]:
    return ["-m", "debugpy", "--listen", f"{address}:{service.debug_port}", "tools/reload.py"]


def _switches(*, poll: bool, debug: bool) -> dict[str, str]:
    # what debugpy warns of are the standard library's frozen modules, where nobody sets a breakpoint
    debugging = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"} if debug else {}
    return debugging | ({"WATCHFILES_FORCE_POLLING": "true"} if poll else {})


def follow(names: list[str]) -> None:
    """Print the last lines of services, and those to come, whatever runs them, until Ctrl-C or their end.

    Raises:
        Problem: None of them runs.
    """
    runner = next((one for one in (host, compose) if set(names) & set(one.running())), None)
    if runner is None:
        raise Problem(f"{' and '.join(names)} do not run", "`make up` or `make dev` starts them.", Exit.USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        runner.follow(names, tail="100")
    except KeyboardInterrupt:
        console.print()


def shell(name: str) -> None:
    """Open a shell where a service is developed: in its container or its environment, in a new container where none is.

    Raises:
        Problem: The shell's last command failed.
    """
    if name in host.developed():
        path = f"{host.development(name) / 'bin'}{os.pathsep}{os.environ['PATH']}"
        os.execvpe("bash", ["bash"], os.environ | {"PATH": path})  # noqa: S606 - a shell is what is asked for
    if name not in compose.developed():
        build([name])
        (wanted,) = (service for service in services() if service.name == name)
        compose.write({name: _override(wanted, bake.images("development")[name], poll=False, debug=False)})
    compose.shell(name, terminal=sys.stdin.isatty())


def add(name: str, packages: list[str]) -> None:
    """Add packages to what a service depends on, in its pyproject.toml, the lock, and where it is developed now.

    Raises:
        Problem: uv does not find them, or they can't be installed: then nothing has changed.
    """
    files = [ROOT / "services" / name / "pyproject.toml", ROOT / "uv.lock"]
    before = {path: path.read_bytes() for path in files}
    try:
        try:
            quiet("uv", "add", "--package", name, "--", *packages)
        except Problem as problem:
            raise Problem(f"{name} can't have {' '.join(packages)}", problem.advice, Exit.USAGE) from problem
        if name in host.developed():
            host.install(name)
        in_container = name in compose.developed()
        if in_container:
            build([name])
    except (Problem, KeyboardInterrupt):
        for path, content in before.items():
            path.write_bytes(content)
        raise
    if in_container:
        compose.renew([name])
    console.print(f"{name} has {' '.join(packages)}")
