"""The health service, watching real servers."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from health.app import create_app
from health.checks import KEPT, Monitor
from health.config import Settings, Target
from health.models import TargetStatus
from health.page import NOT_BUILT, render

DEADLINE = 10
FILES = {"app.css": "app-1.css", "app.ts": "app-2.js", "down.svg": "down-3.svg", "up.svg": "up-4.svg"}


class Sibling(ThreadingHTTPServer):
    """Answers /200 with 200, and so on; /hangs when it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.request_ids: list[str] = []
        self.closing = Event()


class Handler(BaseHTTPRequestHandler):
    server: Sibling

    def do_GET(self) -> None:
        self.server.request_ids.append(self.headers.get("X-Request-ID", ""))
        if self.path == "/hangs":
            self.server.closing.wait(DEADLINE)
            return
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(name="sibling")
def _sibling() -> Iterator[Sibling]:
    with Sibling() as sibling:
        Thread(target=sibling.serve_forever, args=(0.01,)).start()
        yield sibling
        sibling.closing.set()
        sibling.shutdown()


def watching(**targets: dict[str, Any]) -> TestClient:
    patient = {name: Target.model_validate({"timeout": DEADLINE, **target}) for name, target in targets.items()}
    return TestClient(create_app(Settings(targets=patient, log_level="error")))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_target_is_up_when_its_conditions_hold(sibling: Sibling) -> None:
    """Each condition can fail on its own, and the status says which did; time and latency are known."""
    targets: dict[str, Any] = {
        "good": {"url": f"{sibling.url}/200"},
        "wrong-status": {"url": f"{sibling.url}/503"},
        "expected-status": {"url": f"{sibling.url}/503", "conditions": {"status": 503}},
        "body": {"url": f"{sibling.url}/200", "conditions": {"body": "is well"}},
        "wrong-body": {"url": f"{sibling.url}/200", "conditions": {"body": "is lost"}},
        "slow": {"url": f"{sibling.url}/200", "conditions": {"max_latency_ms": 1e-6}},
        "hangs": {"url": f"{sibling.url}/hangs", "timeout": 0.1},
        "nobody": {"url": "http://127.0.0.1:1/"},
    }

    with watching(**targets) as client:
        statuses = {each["name"]: each for each in client.get("/api/status?refresh=true").json()["targets"]}

    assert list(statuses) == list(targets)
    up = {name: each["last_error"] for name, each in statuses.items() if each["status"] == "up"}
    assert up == {"good": None, "expected-status": None, "body": None}
    assert statuses["wrong-status"]["last_error"] == "status 503, not 200"
    assert statuses["wrong-body"]["last_error"] == "the answer does not contain 'is lost'"
    assert "more than 1e-06 ms" in statuses["slow"]["last_error"]
    assert statuses["hangs"]["last_error"] == "no answer within 0.1 s"
    assert statuses["nobody"]["last_error"].startswith("ConnectError")
    assert statuses["good"]["latency_ms"] > 0
    assert statuses["good"]["checked_at"].endswith("Z")
    assert statuses["nobody"]["latency_ms"] is None


def test_a_target_is_watched_unasked(sibling: Sibling) -> None:
    """Each check of a target is made on time, and with a request id of its own."""
    with watching(echo={"url": f"{sibling.url}/200", "interval": 0.01}) as client:
        eventually(lambda: len(sibling.request_ids) > 2)
        assert client.get("/api/status").json()["targets"][0]["status"] == "up"

    assert len(set(sibling.request_ids)) == len(sibling.request_ids)


def test_readiness_follows_required_targets(sibling: Sibling) -> None:
    """A required target that is down is named by /readyz; one that is not required never is, and /livez never fails."""
    good, bad = {"url": f"{sibling.url}/200"}, {"url": f"{sibling.url}/500"}
    with watching(good=good, bad=bad, optional={**bad, "required": False}) as client:
        client.get("/api/status?refresh=true")

        assert client.get("/readyz").json() == {"status": "unavailable", "failing": ["bad"]}
        assert client.get("/livez").status_code == 200
        assert client.get("/health").json()["checks"] == {"good": "ok", "bad": "failing"}


def test_readiness_waits_for_the_first_check(sibling: Sibling) -> None:
    """Until a required target has been checked nobody knows, and so health is not ready."""
    with watching(slow={"url": f"{sibling.url}/hangs"}) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/api/status").json()["targets"][0]["status"] == "unknown"
        assert "unknown" in client.get("/").text
        sibling.closing.set()


def test_targets_are_exported(sibling: Sibling) -> None:
    """A target is up or down, and has a latency if it answered; one that is not known is not exported as either."""
    targets = {
        "good": {"url": f"{sibling.url}/200"},
        "bad": {"url": f"{sibling.url}/500"},
        "nobody": {"url": "http://127.0.0.1:1/"},
        "slow": {"url": f"{sibling.url}/hangs"},
    }
    app = watching(**targets).app
    # Each time the service starts, what it exports is there once.
    for _ in range(2):
        sibling.closing.clear()
        with TestClient(app) as client:
            eventually(lambda: client.get("/metrics").text.count("\nhealth_target_up{") == 3)
            lines = client.get("/metrics").text.splitlines()
            sibling.closing.set()

    exported = dict(line.rsplit(" ", 1) for line in lines if line.startswith("health_target_"))
    up = {name: float(value) for name, value in exported.items() if "_up" in name}
    latencies = {name: float(value) for name, value in exported.items() if "_latency_seconds" in name}
    assert up == {f'health_target_up{{target="{name}"}}': name == "good" for name in ("good", "bad", "nobody")}
    assert latencies.keys() == {f'health_target_latency_seconds{{target="{name}"}}' for name in ("good", "bad")}
    assert all(0 < latency < DEADLINE for latency in latencies.values())


def test_a_refresh_bears_the_request_id(sibling: Sibling) -> None:
    """The id of the request that asks for a refresh reaches the sibling, to be found in its log too."""
    with watching(echo={"url": f"{sibling.url}/200"}) as client:
        client.get("/api/status?refresh=true", headers={"X-Request-ID": "one"})

    assert "one" in sibling.request_ids


def test_a_refresh_underway_is_waited_for(sibling: Sibling) -> None:
    """However many ask at once, the target is asked once."""

    async def refresh_at_once() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            monitor = Monitor({"echo": Target.model_validate(f"{sibling.url}/200")}, client)
            await asyncio.gather(*(monitor.refresh() for _ in range(10)))

    asyncio.run(refresh_at_once())

    assert len(sibling.request_ids) == 1


def test_a_target_that_stays_down_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is down is asked soon at first, then ever less, each time a little off its time."""
    pauses: list[float] = []

    async def record(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 9:
            raise asyncio.CancelledError

    async def watch() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            monitor = Monitor({"nobody": Target.model_validate("http://127.0.0.1:1/")}, client)
            monkeypatch.setattr("health.checks.asyncio.sleep", record)
            await monitor.watch("nobody")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch())

    assert [pause / 5 for pause in pauses] == pytest.approx([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 8, 8], rel=0.11)
    assert pauses[6:] != [40, 40, 40]


def test_credentials_are_used_and_never_shown(sibling: Sibling, capsys: pytest.CaptureFixture[str]) -> None:
    """The user and password in a target's URL appear on no page and in no line of the log."""
    url = sibling.url.replace("//", "//me:s3cret@") + "/500"
    with TestClient(create_app(Settings(targets={"echo": url}))) as client:
        shown = client.get("/api/status?refresh=true").text + client.get("/").text

    assert sibling.url in shown
    assert "s3cret" not in shown + capsys.readouterr().out


def test_the_last_checks_are_remembered(sibling: Sibling) -> None:
    """Of each target as many as are shown, the newest last; of one that nobody has asked yet, none."""
    targets = {"echo": Target.model_validate(f"{sibling.url}/200"), "new": Target.model_validate("http://new")}

    async def check(times: int) -> Monitor:
        async with httpx.AsyncClient(trust_env=False) as client:
            monitor = Monitor(targets, client)
            for _ in range(times):
                await monitor.check("echo")
            return monitor

    monitor = asyncio.run(check(KEPT + 1))
    times = [check.checked_at for check in monitor.history["echo"]]

    assert len(sibling.request_ids) == KEPT + 1
    assert len(times) == KEPT
    assert times == sorted(times)
    assert times[-1] == monitor.statuses["echo"].checked_at
    assert not monitor.history["new"]


def test_the_history_is_given_by_target(sibling: Sibling) -> None:
    """Each check has its status, and a latency if there was an answer."""
    with watching(good={"url": f"{sibling.url}/200"}, nobody={"url": "http://127.0.0.1:1/"}) as client:
        client.get("/api/status?refresh=true")
        targets = client.get("/api/history").json()["targets"]

    assert list(targets) == ["good", "nobody"]
    assert targets["good"][-1]["status"] == "up"
    assert targets["good"][-1]["latency_ms"] > 0
    assert targets["nobody"][-1] | {"checked_at": ""} == {"status": "down", "latency_ms": None, "checked_at": ""}


def test_the_page_is_safe_to_look_at(sibling: Sibling) -> None:
    """Whatever a target is called or says is text on the page, which runs nothing but the one script of this build."""
    hostile = "\"'><script>"
    status = TargetStatus(name=hostile, url=hostile, required=True, status="down", last_error=hostile)
    html = render([status], FILES)
    with watching(echo={"url": f"{sibling.url}/200"}) as client:
        policy = client.get("/").headers["content-security-policy"].split("; ")

    assert html.count("&quot;&#x27;&gt;&lt;script&gt;") == 6
    assert html.count("<script") == html.count('<script type="module" src="/assets/app-2.js"></script>') == 1
    assert "style=" not in html
    assert policy[0] == "default-src 'none'"
    assert {rule.split(" ", 1)[1] for rule in policy} == {"'none'", "'self'"}


@pytest.fixture(name="built")
def _built(tmp_path: Path) -> Path:
    """Give the folder of a front end that is built."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/app-2.js").write_text("script()")
    (tmp_path / "manifest.json").write_text(json.dumps(FILES))
    return tmp_path


def test_files_are_kept_for_ever_and_the_page_is_asked_for(built: Path) -> None:
    """A browser takes a file once, as another content has another name, and asks for the page that names them."""
    with TestClient(create_app(Settings(log_level="error"), built)) as client:
        page, script = client.get("/"), client.get("/assets/app-2.js")
        again = client.get("/assets/app-2.js", headers={"If-None-Match": script.headers["etag"]})
        missing = client.get("/assets/app-1.js")

    assert page.headers["cache-control"] == "no-cache"
    assert all(f'"/assets/{FILES[name]}"' in page.text for name in ("app.css", "app.ts", "up.svg"))
    assert NOT_BUILT not in page.text
    assert script.text == "script()"
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == script.headers["cache-control"]
    # a page of another build asks for it, while that build is rolled out: not for ever
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    assert "cache-control" not in missing.headers


def test_nothing_but_the_files_is_served(built: Path) -> None:
    """No way leads out of the folder, and nothing but reading is allowed."""
    with TestClient(create_app(Settings(log_level="error"), built)) as client:
        assert client.get("/assets/").status_code == 404
        assert client.get("/assets/..%2fmanifest.json").status_code == 404
        assert client.post("/assets/app-2.js").status_code == 405


@pytest.mark.parametrize("path", ["/", "/assets/app-2.js"])
def test_head_tells_the_same_as_get(built: Path, path: str) -> None:
    """Who asks for the headers alone gets those of the answer."""
    with TestClient(create_app(Settings(log_level="error"), built)) as client:
        get, head = client.get(path), client.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["cache-control"] == get.headers["cache-control"]


def test_without_a_build_the_page_says_so(tmp_path: Path, sibling: Sibling) -> None:
    """The status is there all the same, and no file is named that is not."""
    settings = Settings(targets={"echo": f"{sibling.url}/200"}, log_level="error")
    with TestClient(create_app(settings, tmp_path)) as client:
        client.get("/api/status?refresh=true")
        page = client.get("/").text

    assert NOT_BUILT in page
    assert "Everything is up" in page
    assert "/assets/" not in page


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ("{", "HEALTH_TARGETS: given '{': Expecting property name"),
        ('{"Echo": "http://echo"}', "HEALTH_TARGETS at Echo.[key]: given 'Echo': String should match"),
        ('{"echo": "ftp://me:s3cret@echo"}', "HEALTH_TARGETS at echo.url: given 'ftp://***@echo': URL scheme"),
        ('{"echo": {"url": "http://echo", "interval": 0}}', "HEALTH_TARGETS at echo.interval: given 0: Input should"),
        ('{"echo": {"url": "http://echo", "intervall": 1}}', "HEALTH_TARGETS at echo.intervall: given 1: Extra"),
    ],
)
def test_a_bad_target_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], targets: str, said: str
) -> None:
    """The message names the variable, the target and the value, and no password."""
    monkeypatch.setenv("HEALTH_TARGETS", targets)

    with pytest.raises(SystemExit):
        create_app()

    assert capsys.readouterr().err.startswith(said)


def test_targets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target is a URL in short, or an object in full."""
    monkeypatch.setenv("HEALTH_TARGETS", json.dumps({"a": "http://a", "b": {"url": "http://b", "required": False}}))

    targets = Settings.from_environment().targets

    assert [(target.shown_url, target.required) for target in targets.values()] == [
        ("http://a/", True),
        ("http://b/", False),
    ]
