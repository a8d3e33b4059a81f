"""Whether a port of this machine is free, and who has it."""

import socket

import psutil

from stagecraft.problem import Exit, Problem
from stagecraft.project import Service


def holder(port: int) -> str | None:
    """Name who listens on a TCP port of this machine, None for nobody: "nginx (pid 12)"."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    return "a process of another user"
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass  # not everyone may see everyone's sockets, and a process may be gone by now: the bind below tells
    with socket.socket() as probe:
        # psutil sees only this network namespace's sockets; a bind sees what else is in the way
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return f"an unknown process ({error.strerror})"
    return None


def check(services: list[Service], command: str) -> None:
    """Make sure that every service's port is free.

    Args:
        services: Those that are about to listen.
        command: What a person typed, to which the advice adds a variable.

    Raises:
        Problem: One is taken, or two services want the same; it says by whom and which variable moves it.
    """
    for service in services:
        if any(other.port == service.port and other.name < service.name for other in services):
            raise Problem(
                f"two services want port {service.port}",
                f"Set {service.port_variable} to another port.",
                Exit.USAGE,
            )
        if taker := holder(service.port):
            raise Problem(
                f"port {service.port}, for {service.name}, is taken by {taker}",
                f"Stop it, or choose another: `{command} {service.port_variable}={_free(service.port, services)}`.",
                Exit.BUSY,
            )


def _free(port: int, services: list[Service]) -> int:
    wanted = {service.port for service in services}
    return next(other for other in range(port + 1, 65536) if other not in wanted and holder(other) is None)
