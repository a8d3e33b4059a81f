"""What the tests across services share: the repository, a copy of it, the images, the engine."""

import json
import os
import pty
import re
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft import bake, compose, engine, host, python_image
from stagecraft.project import ROOT

# What is shipped, and what it stands on.
BASES = {"production": "base", "hardened": "base-hardened"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A step as bake names it: [echo-production builder 3/6] COPY …; looking at an image, its FROM, is none.
STEP = re.compile(r"\[(?:[\w-]+ )?([\w-]+) \d+/\d+\] (?!FROM)(\w+)")
# Shown in a document, but not run by the tests that it runs.
ITSELF = "make test"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command at the repository's root, both its streams in one; `code` is what it must end with."""

    def run(
        *command: str, code: int | None = 0, cwd: Path = ROOT, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, check=False, cwd=cwd, env=os.environ | (env or {}), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done

    return run


@pytest.fixture(scope="session")
def engine_here() -> Iterator[None]:
    """Have an engine, as no test is skipped for the lack of one, and the ports that `make up` holds until the end."""
    engine.ensure()
    python_image.ensure()
    containers, processes = compose.running(), host.running()
    compose.down()
    host.down()
    yield
    if containers:
        bake.build("production")
        compose.up()
    if processes:
        host.up()


@pytest.fixture(scope="module")
def images(engine_here: None) -> dict[str, str]:  # noqa: ARG001 - it builds with it
    """Build every image that ships, from the cache where another module has; give its name by bake's target."""
    bases = {base: f"stagecraft/{base}:test" for base in BASES.values()}
    exports = [f"--set={base}.{key}" for base, name in bases.items() for key in ("output=type=docker", f"tags={name}")]
    bake.build(*BASES, *exports)
    built = {f"{service}-{group}": name for group in BASES for service, name in bake.images(group).items()}
    return built | bases


@pytest.fixture(scope="session")
def inspect(run: Run) -> Callable[[str], Any]:
    """Give what `docker inspect` says of a container or an image."""
    return lambda name: json.loads(run("docker", "inspect", name).stdout)[0]


@pytest.fixture
def everything(run: Run, tmp_path: Path) -> Callable[[str], bytes]:
    """Give all that an image tells: what inspect and history say, and every byte of every file of every layer."""

    def everything(image: str) -> bytes:
        archive = tmp_path / "everything.tar"
        run("docker", "save", "--output", str(archive), image)
        said = run("docker", "inspect", image).stdout + run("docker", "history", "--no-trunc", image).stdout
        return said.encode() + _content(archive)

    return everything


def _content(archive: Path) -> bytes:
    """Give every byte of every file of every layer of a saved image."""
    found = []
    with tarfile.open(archive) as saved:
        for entry in saved:
            stream = saved.extractfile(entry) if entry.isfile() else None
            if stream and entry.size > 1024:
                try:
                    with tarfile.open(fileobj=stream) as layer:
                        found += [part.read() for file in layer if file.isfile() and (part := layer.extractfile(file))]
                except tarfile.ReadError:
                    stream.seek(0)
                    found.append(stream.read())
    return b"".join(found)


@pytest.fixture(scope="session")
def steps_done() -> Callable[[str], list[str]]:
    """Give the steps that bake's raw progress tells of as done, and not as taken from the cache: "builder COPY"."""

    def steps_done(said: str) -> list[str]:
        vertexes = [vertex for message in _messages(said) for vertex in message.get("vertexes") or []]
        names = {vertex["digest"]: vertex["name"] for vertex in vertexes if vertex.get("completed")}
        cached = {vertex["digest"] for vertex in vertexes if vertex.get("cached")}
        steps = [STEP.search(name) for digest, name in names.items() if digest not in cached]
        return sorted(f"{step[1]} {step[2]}" for step in steps if step)

    return steps_done


def _messages(said: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), said.find("{")
    while at >= 0:
        message, end = decoder.raw_decode(said, at)
        yield message
        at = said.find("{", end)


@pytest.fixture
def container(run: Run) -> Iterator[Callable[..., str]]:
    """Start containers that are removed after the test; each call gives the container's id."""
    started = []

    def start(*arguments: str) -> str:
        started.append(run("docker", "run", "--detach", *arguments).stdout.split()[-1])
        return started[-1]

    yield start
    for name in started:
        run("docker", "rm", "--force", "--volumes", name, code=None)


@pytest.fixture(scope="session")
def wait_until_healthy(inspect: Callable[[str], Any]) -> Callable[[str], None]:
    """Wait until a container's HEALTHCHECK says that it is healthy."""

    def wait(name: str) -> None:
        deadline = time.monotonic() + 30
        while (state := inspect(name)["State"])["Health"]["Status"] != "healthy":
            assert state["Running"], f"{name} ended with {state['ExitCode']}"
            assert time.monotonic() < deadline, f"{name} is {state['Health']['Status']} after 30 s"
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="session")
def copied(run: Run) -> Callable[[Path], Path]:
    """Copy what git would commit of the repository into a folder."""

    def copied(folder: Path) -> Path:
        for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        return folder

    return copied


@pytest.fixture
def copy(copied: Callable[[Path], Path], tmp_path: Path) -> Path:
    """Copy what git would commit of the repository into a folder of its own."""
    return copied(tmp_path / "copy")


class Terminal:
    """A terminal in which a command runs that does not end by itself."""

    def __init__(self, folder: Path, *command: str) -> None:
        """Start it."""
        self._text = ""
        self._changed = threading.Condition()
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            os.chdir(folder)
            os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        data = b"-"
        while data:
            try:
                data = os.read(self._terminal, 2**16)
            except OSError:  # it was closed by all who wrote to it
                data = b""
            with self._changed:
                self._text += data.decode(errors="replace")
                self._changed.notify_all()

    @property
    def text(self) -> str:
        """All that it has shown so far, colours included."""
        return self._text.replace("\r\n", "\n")

    @property
    def plain(self) -> str:
        """The same without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.text)

    def wait_for(self, pattern: str, *, after: int = 0, seconds: float = 120) -> int:
        """Wait until it shows a pattern, and give where in the plain text that ends."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (found := re.search(pattern, self.plain[after:])):
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern} after {seconds} s:\n{self.plain}"
                self._changed.wait(left)
        return after + found.end()

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C, and wait for the command's end."""
        if self._reader.is_alive():
            os.write(self._terminal, b"\x03")
        self._reader.join(60)
        assert not self._reader.is_alive(), self.plain


@pytest.fixture(scope="module")
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start commands each in a terminal of its own, and end each with Ctrl-C after the module's tests."""
    opened: list[Terminal] = []

    def start(folder: Path, *command: str) -> Terminal:
        opened.append(Terminal(folder, *command))
        return opened[-1]

    yield start
    for one in opened:
        one.press_ctrl_c()


def commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    """Give each command of a document's console blocks, with the lines that it shows of the output."""
    for language, text in BLOCK.findall(document.read_text()):
        if language != "console":
            continue
        for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = entry.splitlines()
            end = next(number for number, line in enumerate(lines) if not line.endswith("\\")) + 1
            yield "\n".join(lines[:end]), [line for line in lines[end:] if line.strip() not in {"", "…"}]


def shown_in(line: str, output: list[str]) -> bool:
    """Tell whether a line of a document is among the output: `…` is anything, and milliseconds are any number."""
    parts = re.split(r"…|(?<=\s)\d+(?=  ok)", line.strip())
    pattern = ".*".join(re.escape(part) for part in parts)
    return any(re.fullmatch(pattern, other.strip()) for other in output)


@pytest.fixture(scope="session")
def follow() -> Callable[[Path], None]:
    """Run each command of a document as its reader would, and compare the lines that it shows."""

    def follow(document: Path) -> None:
        for command, shown in commands(document):
            if command == ITSELF:
                continue
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                check=False, cwd=ROOT, env=os.environ, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{document.name}: {command}\n{done.stdout}"
            missing = [line for line in shown if not shown_in(line, done.stdout.splitlines())]
            assert not missing, f"{document.name}: {command} does not print {missing}, but:\n{done.stdout}"

    return follow
