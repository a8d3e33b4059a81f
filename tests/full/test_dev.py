"""The developer's loop: an edit is in the next answers, wherever the services run."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagecraft.problem import Exit
from stagecraft.project import service_names, services
from stagecraft.shell import output

PORTS = {service.name: service.port for service in services()}
ECHO = Path("services/echo/src/echo")
LIBRARY = Path("libs/chassis/src/chassis")
pytestmark = pytest.mark.usefixtures("engine_here")


def ask(service: str, path: str = "/", *words: str) -> str:
    """Give what a service answers, or curl's complaint."""
    url = f"http://127.0.0.1:{PORTS[service]}{path}"
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", *words, url]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout or done.stderr


def wait_until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until a condition holds, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)
    return found


def save(path: Path, text: str) -> None:
    """Write a file as editors do: beside it, and then in its place."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.rename(path)


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file."""
    text = path.read_text()
    assert old in text
    save(path, text.replace(old, new))


def see(service: str, word: str, path: str = "/") -> None:
    """Wait until a service's answers have a word in them."""
    wait_until(lambda: word in ask(service, path))


def containers() -> list[str]:
    """Name every container and network of the services."""
    ours = ("--filter", "label=com.docker.compose.project=stagecraft")
    found = [
        output("docker", "ps", "--all", *ours, "--format", "{{.Names}}"),
        output("docker", "network", "ls", *ours, "-q"),
    ]
    return sorted(name for lines in found for name in (lines or "").split())


@pytest.fixture(name="folder", scope="module")
def _folder(copied: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository, to edit it."""
    return Path(copied(tmp_path_factory.mktemp("dev") / "copy"))


@pytest.fixture(name="developing", scope="module")
def _developing(folder: Path, terminal: Any) -> Any:
    """Run `make dev` in a terminal, until every service has started."""
    shown = terminal(folder, "make", "dev")
    for name in service_names():
        shown.wait_for(rf"{name} +\| .*startup complete", seconds=300)
    return shown


@pytest.mark.parametrize("service", service_names())
def test_an_edit_is_in_the_next_answers(folder: Path, developing: Any, service: str) -> None:
    """Of the service whose source it is, and of no other."""
    after = len(developing.plain)

    edit(folder / f"services/{service}/src/{service}/app.py", 'description="', 'description="Edited. ')

    see(service, "Edited. ", "/openapi.json")
    (reloaded,) = re.findall(
        r"^(\w+) +\| .*detected changes in (.*)\. Reloading", developing.plain[after:], re.MULTILINE
    )
    assert reloaded == (service, f"'services/{service}/src/{service}/app.py'")


@pytest.mark.usefixtures("developing")
def test_an_edit_of_the_library_is_in_every_service_s_answers(folder: Path) -> None:
    """It is as much a source as their own."""
    edit(folder / LIBRARY / "app.py", "title=name", 'title="edited"')

    for service in service_names():
        see(service, '"name":"edited"', "/health")
    edit(folder / LIBRARY / "app.py", 'title="edited"', "title=name")
    for service in service_names():
        see(service, f'"name":"{service}"', "/health")


@pytest.mark.usefixtures("developing")
@pytest.mark.parametrize("service", service_names())
def test_it_has_no_more_rights_than_in_production(folder: Path, run: Any, inspect: Any, service: str) -> None:
    """Only source folders are mounted, read-only, into a container that can't change itself."""
    found = inspect(f"stagecraft-{service}-1")
    mounted = {mount["Destination"]: mount["Source"] for mount in found["Mounts"] if mount["Type"] == "bind"}
    sources = [*(folder / "libs").glob("*/src"), folder / f"services/{service}/src"]

    assert mounted == {f"/app/{path.relative_to(folder)}": str(path) for path in sources}
    assert not any(mount["RW"] for mount in found["Mounts"] if mount["Type"] == "bind")
    assert found["Config"]["User"] == "10001:10001"
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    writable = ("find", "/app", "-writable", "-not", "-type", "l")
    image = ("docker", "run", "--rm", found["Config"]["Image"])
    assert run(*image, *writable).stdout == ""


def test_only_a_source_is_a_reason_to_reload(folder: Path, developing: Any) -> None:
    """Caches, tests, environments and what editors leave beside a file are none."""
    after = len(developing.plain)
    source = folder / ECHO
    for name in (
        ".routes.py.swp",
        "routes.py~",
        "4913",
        "#routes.py#",
        "routes.py___jb_old___",
        "__pycache__/routes.pyc",
    ):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("x = 1\n")
    (source / ".#routes.py").symlink_to("nobody@nowhere")
    for beside in ("services/echo/tests/test_new.py", ".venv/new.py", "services/echo/pyproject.toml"):
        (folder / beside).write_text((folder / beside).read_text() if (folder / beside).exists() else "x = 1\n")
    # what was done before this edit was seen before it
    edit(source / "models.py", '"""What echo', '"""All that echo')
    developing.wait_for(r"echo +\| .*startup complete", after=after)

    seen = re.findall(r"echo +\| .*detected changes in (.*)\. Reloading", developing.plain[after:])
    assert seen == ["'services/echo/src/echo/models.py'"]
    assert not re.search(r"health +\| .*detected changes", developing.plain[after:])


def test_a_syntax_error_is_shown_and_the_next_save_recovers(folder: Path, developing: Any) -> None:
    """The traceback is there at once, in that service's lines; nothing has to be started again."""
    after = len(developing.plain)
    edit(folder / ECHO / "routes.py", "router = APIRouter(", "router = = APIRouter(")
    after = developing.wait_for(r"echo +\| SyntaxError: invalid syntax", after=after, seconds=10)
    assert re.search(r"echo +\| +router = = APIRouter\(", developing.plain)

    edit(folder / ECHO / "routes.py", "router = = APIRouter(", "router = APIRouter(")
    developing.wait_for(r"echo +\| .*startup complete", after=after, seconds=10)
    see("echo", '"name":"echo"')


def test_a_request_in_flight_holds_no_reload_up(folder: Path, developing: Any) -> None:
    """It is cut after a second."""
    url = f"http://127.0.0.1:{PORTS['echo']}/delay/10"
    after = len(developing.plain)
    with subprocess.Popen(["curl", "--silent", "--noproxy", "*", url], stdout=subprocess.DEVNULL) as waiting:
        # until it has arrived
        wait_until(lambda: "http_requests_in_flight 1.0" in ask("echo", "/metrics"))
        started = time.monotonic()
        edit(folder / ECHO / "models.py", '"""All that', '"""What')
        developing.wait_for(r"echo +\| .*startup complete", after=after, seconds=9)

        assert time.monotonic() - started < 5
        waiting.kill()


def test_a_shell_is_in_the_running_container(folder: Path, developing: Any, run: Any) -> None:
    """As its user, with its packages and the edited source."""
    assert developing
    script = "id -u; python -c 'import echo.app; print(echo.app.__file__)'; hostname"
    said = subprocess.run(
        ["make", "shell", "SERVICE=echo"], check=True, cwd=folder, input=script, capture_output=True, text=True
    ).stdout

    host_name = run("docker", "inspect", "--format", "{{.Config.Hostname}}", "stagecraft-echo-1").stdout
    assert said == f"10001\n/app/{ECHO}/app.py\n{host_name}"


def test_logs_follow_in_another_terminal(folder: Path, developing: Any, terminal: Any) -> None:
    """Of one service, until Ctrl-C, which stops nothing but them."""
    assert developing
    logs = terminal(folder, "make", "logs", "SERVICE=echo")
    logs.wait_for(r"echo +\| ")
    after = len(logs.plain)
    ask("echo", "/headers")
    logs.wait_for(r"echo +\| .*path=/headers", after=after)
    logs.press_ctrl_c()

    assert "health |" not in logs.plain
    assert '"name":"echo"' in ask("echo")


def files(folder: Path) -> list[bytes]:
    """Give what `make add` may change."""
    return [(folder / name).read_bytes() for name in ("services/echo/pyproject.toml", "uv.lock")]


def add(folder: Path, package: str) -> subprocess.CompletedProcess[str]:
    """Run `make add` for echo."""
    command = ["make", "add", "SERVICE=echo", f"PACKAGE={package}"]
    return subprocess.run(
        command,
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.usefixtures("developing")
@pytest.mark.parametrize("package", ["no-such-package-of-stagecraft", "not a name!", "fastapi<0.1"])
def test_a_package_that_can_not_be_had_changes_nothing(folder: Path, package: str) -> None:
    """It says why, and the service goes on."""
    before, container = files(folder), containers()

    done = add(folder, package)

    assert done.returncode
    assert "stagecraft: echo can't have" in done.stdout
    assert files(folder) == before
    assert containers() == container


@pytest.mark.usefixtures("developing")
def test_a_package_whose_image_can_not_be_built_changes_nothing(folder: Path) -> None:
    """Not even where uv has found it."""
    before = files(folder)
    dockerfile = (folder / "Dockerfile").read_text()
    edit(folder / "Dockerfile", "--group development &&", "--group development && false &&")

    done = add(folder, "pyyaml")
    (folder / "Dockerfile").write_text(dockerfile)

    assert done.returncode
    assert files(folder) == before


def test_a_package_is_added_in_one_command(folder: Path, developing: Any, inspect: Any) -> None:
    """The container is replaced, and the terminal goes on with the new one's lines."""
    before = inspect("stagecraft-echo-1")["Id"], inspect("stagecraft-health-1")["Id"]
    after = len(developing.plain)

    done = add(folder, "pyyaml")

    assert not done.returncode, done.stdout
    assert '"pyyaml>=' in files(folder)[0].decode()
    developing.wait_for(r"echo +\| .*startup complete", after=after)
    assert inspect("stagecraft-echo-1")["Id"] != before[0]
    assert inspect("stagecraft-health-1")["Id"] == before[1]
    edit(folder / ECHO / "routes.py", "name=request.app.title", "name=__import__('yaml').dump('yaml!')")
    see("echo", "yaml!")
    edit(folder / ECHO / "routes.py", "name=__import__('yaml').dump('yaml!')", "name=request.app.title")


def test_ctrl_c_stops_everything(developing: Any) -> None:
    """No container and no network is left."""
    developing.press_ctrl_c()

    assert not containers()


def test_one_service_beside_those_that_are_up(folder: Path, terminal: Any, run: Any, inspect: Any) -> None:
    """`make dev SERVICE=echo` takes echo's place and no other's; colours are by service; `make up` takes it back."""
    run("make", "up", cwd=folder)
    health = inspect("stagecraft-health-1")["Id"]

    shown = terminal(folder, "make", "dev", "SERVICE=echo", "POLL=true")
    shown.wait_for(r"echo +\| .*startup complete")
    edit(folder / ECHO / "models.py", '"""What echo', '"""All that echo')
    shown.wait_for(r"echo +\| .*detected changes in .*models\.py")

    assert "\x1b[33mecho    | \x1b[0m" in shown.text
    # it polls: nothing in the container watches for events of the system
    assert "inotify" not in run("docker", "exec", "stagecraft-echo-1", "sh", "-c", "ls -l /proc/[0-9]*/fd").stdout
    assert inspect("stagecraft-health-1")["Id"] == health
    shown.press_ctrl_c()
    assert "stagecraft-echo-1" not in containers()
    assert inspect("stagecraft-health-1")["State"]["Running"]
    assert "smoke cases passed" in run("make", "up", cwd=folder).stdout
    run("make", "down", cwd=folder)


def test_without_an_engine(folder: Path, terminal: Any) -> None:
    """Processes of this machine reload on the same edits, in the same lines, and end with Ctrl-C."""
    shown = terminal(folder, "make", "dev", "ENGINE=none")
    for name in service_names():
        shown.wait_for(rf"{name} +\| .*startup complete")
    edit(folder / LIBRARY / "probes.py", "version=app.version,", 'version="edited",')
    for name in service_names():
        see(name, '"version":"edited"', "/health")
    logs = terminal(folder, "make", "logs")
    logs.wait_for(r"health +\| .*Reloading")
    logs.press_ctrl_c()

    shown.press_ctrl_c()

    assert "\x1b[33mecho    | \x1b[0m" in shown.text
    assert "Connection refused" in ask("echo") or "Couldn't connect" in ask("echo")
    assert not list((folder / ".cache/host").glob("*.pid"))


def test_a_service_that_there_is_not_is_refused(run: Any) -> None:
    """With the list of those that there are."""
    for command in ("dev", "logs", "shell", "add"):
        said = run(
            "python", "-m", "stagecraft", command, code=Exit.USAGE, env={"SERVICE": "nosuch", "PACKAGE": "x"}
        ).stdout

        assert f"There are {', '.join(service_names())}." in said
