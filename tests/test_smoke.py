"""The smoke cases: complete, able to fail, and passed by every production image on its own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from typing import Any

import pytest

from stagecraft import smoke
from stagecraft.problem import Exit
from stagecraft.project import service_names

ANY_PORT = "127.0.0.1::8000"


@pytest.mark.parametrize("service", service_names())
def test_every_route_has_a_case(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every switch on, no method of any path in /openapi.json is left out."""
    monkeypatch.setenv("ECHO_FAULTS", "true")
    monkeypatch.setenv("DOCS", "true")
    openapi = import_module(f"{service}.app").create_app().openapi()

    assert smoke.uncovered(openapi, smoke.cases(service)) == []


def test_a_route_without_a_case_is_found() -> None:
    """A new route fails the test above until it has its case."""
    openapi = {"paths": {"/": {"get": {}, "parameters": []}, "/new": {"get": {}, "post": {}}}}
    covered = [smoke.Case(route="/", method="GET", path="/"), smoke.Case(route="/new", method="GET", path="/new")]

    assert smoke.uncovered(openapi, covered) == ["POST /new"]


@pytest.mark.parametrize(
    ("expected", "actual", "complaint"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": 1}, {"b": 2}, "body.a is missing"),
        ({"a": [1, 2]}, {"a": [1]}, "body.a is [1], not 2 items"),
        ({"a": [{"b": "~x+"}]}, {"a": [{"b": "xyx"}]}, 'body.a[0].b is "xyx", not ~x+'),
        ({"a": "~\\d+"}, {"a": 12}, ""),
        ({"a": None}, {"a": 0}, "body.a is 0, not null"),
        ({"a": 1}, [1], "body is [1], not an object"),
    ],
)
def test_a_wrong_body_is_told_from_a_right_one(expected: Any, actual: Any, complaint: str) -> None:
    """The first difference is named by its place."""
    assert smoke.difference(expected, actual) == complaint


@pytest.fixture(name="broken")
def _broken() -> Iterator[str]:
    """Serve a service that answers everything wrongly; give its address."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "broken"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_failing_case_shows_its_command(run: Any, broken: str) -> None:
    """What is wrong, and a curl command that can be pasted; the exit code says so too."""
    said = run("python", "-m", "stagecraft", "smoke", code=Exit.FAILED, env={"BASE_URL": f"health={broken}"}).stdout

    assert 'body.status is "broken", not "ok"' in said
    assert f"curl --include --silent --show-error --max-time 20 --noproxy '*' {broken}/livez" in said
    assert "status is 200, not 404" in said


def test_a_wrong_address_is_refused(run: Any) -> None:
    """BASE_URL names services that there are."""
    said = run("python", "-m", "stagecraft", "smoke", code=Exit.USAGE, env={"BASE_URL": "nosuch=http://localhost:1"})

    assert f"NAME being one of {', '.join(service_names())}" in said.stdout


@pytest.mark.parametrize("group", ["production", "hardened"])
@pytest.mark.parametrize("service", service_names())
def test_a_bare_container_passes(
    *, service: str, group: str, images: dict[str, str], run: Any, container: Any, wait_until_healthy: Any
) -> None:
    """Nothing but `docker run`: no compose, no sibling."""
    name = container(
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--publish", ANY_PORT),
        *("--env", "DOCS=true", "--env", "ECHO_FAULTS=true", images[f"{service}-{group}"]),
    )
    wait_until_healthy(name)
    address = run("docker", "port", name, "8000").stdout.split()[0]
    openapi = json.loads(run("curl", "--silent", f"http://{address}/openapi.json").stdout)

    results = smoke.try_service(service, f"http://{address}")

    assert smoke.failures({service: results}) == []
    assert smoke.uncovered(openapi, [result.case for result in results]) == []


def test_base_url_is_anywhere(images: dict[str, str], run: Any, container: Any, wait_until_healthy: Any) -> None:
    """A service as it is deployed, without its documents and faults, passes by its address alone."""
    name = container("--publish", ANY_PORT, images["echo-production"])
    wait_until_healthy(name)
    address = run("docker", "port", name, "8000").stdout.split()[0]

    said = run("make", "smoke", f"BASE_URL=echo=http://{address}").stdout

    assert "smoke cases passed" in said
    assert "/delay/" not in said


def test_the_single_stage_image_answers_the_same(run: Any, container: Any) -> None:
    """It is the same service: only how it is built differs."""
    run("docker", "build", "--file", "Dockerfile.single-stage", "--tag", "stagecraft/single-stage:test", ".")
    name = container("--publish", ANY_PORT, "--env", "ECHO_FAULTS=true", "stagecraft/single-stage:test")
    address = run("docker", "port", name, "8000").stdout.split()[0]
    run(
        "curl",
        "--silent",
        "--fail",
        "--retry",
        "30",
        "--retry-all-errors",
        "--retry-delay",
        "1",
        f"http://{address}/readyz",
    )

    assert smoke.failures({"echo": smoke.try_service("echo", f"http://{address}")}) == []
    assert run("docker", "exec", name, "id", "-un").stdout.strip() == "root"
    run("docker", "exec", name, "sh", "-c", "which gcc pip && pytest --version")
    run("docker", "rm", "--force", name)
    run("docker", "rmi", "stagecraft/single-stage:test")


def test_one_request_id_reaches_both_services_logs(
    images: dict[str, str], run: Any, container: Any, wait_until_healthy: Any
) -> None:
    """From curl, through health, to echo: each logs the id that came with the request."""
    echo = container("--publish", ANY_PORT, images["echo-production"])
    address = run(
        "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", echo
    ).stdout.strip()
    targets = json.dumps({"echo": f"http://{address}:8000/health"})
    health = container("--publish", ANY_PORT, "--env", f"HEALTH_TARGETS={targets}", images["health-production"])
    url = f"http://{run('docker', 'port', health, '8000').stdout.split()[0]}"
    wait_until_healthy(health)

    run("curl", "--silent", "--fail", "--header", "X-Request-ID: from-curl-1", f"{url}/api/status?refresh=true")

    for name in (echo, health):
        lines = [json.loads(line) for line in run("docker", "logs", name).stdout.splitlines()]
        assert [line["event"] for line in lines if line.get("request_id") == "from-curl-1"] == ["request"]
