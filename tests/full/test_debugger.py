"""A debugger attaches to a service under development: through the Debug Adapter Protocol, as an editor's does."""

import json
import queue
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from stagecraft.lists import LAUNCH
from stagecraft.problem import Exit
from stagecraft.project import ROOT, services

SOURCE = Path("services/echo/src/echo/routes.py")
LINE = "return Echo(text=message.text, length=len(message.text))"
POST = ("curl", "--silent", "--noproxy", "*", "--max-time", "60", "--json", '{"text": "a"}')

pytestmark = pytest.mark.usefixtures("engine_here")


class Debugger:
    """Attached to a process and to each that it starts, with a breakpoint at one line."""

    def __init__(self, configuration: dict[str, Any], source: Path, line: int) -> None:
        """Attach as a configuration of launch.json says."""
        self.breakpoints = {"source": {"path": str(source)}, "breakpoints": [{"line": line}]}
        self.stopped: queue.Queue[tuple[Session, int]] = queue.Queue()
        self.connections: list[socket.socket] = []
        Session(self, configuration)

    def detach(self) -> None:
        """Let go of all processes."""
        for connection in self.connections:
            connection.close()


class Session:
    """One connection to a debug adapter, for one process."""

    def __init__(self, debugger: Debugger, configuration: dict[str, Any]) -> None:
        """Attach."""
        self.debugger = debugger
        self.number = 0
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        connect = configuration["connect"]
        connection = socket.create_connection((connect["host"], connect["port"]))
        debugger.connections.append(connection)
        self.stream = connection.makefile("rwb")
        threading.Thread(target=self._read, daemon=True).start()
        self._send("initialize", {"adapterID": "debugpy", "pathFormat": "path"})
        self._send("attach", configuration)

    def ask(self, command: str, **arguments: Any) -> Any:
        """Ask for something and give the body of the answer."""
        self._send(command, arguments)
        while (answer := self.answers.get(timeout=30))["command"] != command:
            pass
        assert answer["success"], answer
        return answer["body"]

    def _send(self, command: str, arguments: dict[str, Any]) -> None:
        self.number += 1
        message = {"seq": self.number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.stream.flush()

    def _read(self) -> None:
        # until the process ends
        while header := self.stream.readline():
            self.stream.readline()
            message = json.loads(self.stream.read(int(header.partition(b":")[2])))
            match message:
                case {"type": "response"}:
                    self.answers.put(message)
                case {"event": "initialized"}:
                    self._send("setBreakpoints", self.debugger.breakpoints)
                    self._send("configurationDone", {})
                case {"event": "debugpyAttach", "body": configuration}:
                    Session(self.debugger, configuration)
                case {"event": "stopped", "body": {"threadId": thread}}:
                    self.debugger.stopped.put((self, thread))


def stops_and_goes_on(debugger: Debugger, url: str) -> dict[str, Any]:
    """Post to echo until that stops at the breakpoint; let it go on to its answer, and give where it was."""
    while True:
        with subprocess.Popen([*POST, url], stdout=subprocess.PIPE, text=True) as posted:
            try:
                # until the debugger is attached to a process that has just been started, its answers come at once
                session, thread = debugger.stopped.get(timeout=2)
            except queue.Empty:
                continue
            frame = session.ask("stackTrace", threadId=thread)["stackFrames"][0]
            session.ask("continue", threadId=thread)
            assert json.loads(posted.communicate()[0]) == {"text": "a", "length": 1}
            return dict(frame)


@pytest.mark.parametrize("engine", ["docker", "none"])
def test_it_stops_at_a_line_and_again_after_a_reload(engine: str, copy: Path, terminal: Any) -> None:
    """With a configuration of launch.json: a breakpoint, a request, the stop, the answer; in the next process too."""
    number = (copy / SOURCE).read_text().splitlines().index(f"    {LINE}") + 1
    (service,) = (one for one in services() if one.name == "echo")
    named = {one["name"]: one for one in json.loads((ROOT / LAUNCH).read_text())["configurations"]}
    configuration = named["echo" if engine == "docker" else "echo, ENGINE=none"]
    for mapping in configuration.get("pathMappings", []):
        mapping["localRoot"] = mapping["localRoot"].replace("${workspaceFolder}", str(copy))
    shown = terminal(copy, "make", "dev", "SERVICE=echo", "DEBUG=true", f"ENGINE={engine}")
    after = shown.wait_for(r"echo +\| .*startup complete")

    debugger = Debugger(configuration, copy / SOURCE, number)
    for _ in range(2):
        frame = stops_and_goes_on(debugger, f"http://127.0.0.1:{service.port}/echo")
        assert (frame["line"], frame["source"]["path"]) == (number, str(copy / SOURCE))
        (copy / SOURCE).touch()
        after = shown.wait_for(r"echo +\| .*startup complete", after=after)
    shown.press_ctrl_c()
    debugger.detach()


def test_a_busy_port_is_named_with_its_variable(run: Any) -> None:
    """A debugger's port is looked at as a service's is, before anything is built."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        env = {"DEBUG": "true", "ECHO_DEBUG_PORT": port}
        said = run("python", "-m", "stagecraft", "dev", code=Exit.BUSY, env=env).stdout

    assert f"port {port}, for echo's debugger, is taken by" in said
    assert "ECHO_DEBUG_PORT=" in said
    assert "build" not in said
