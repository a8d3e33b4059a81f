"""Not one request is lost: three kinds of clients, none of which retries, while pods come and go."""

import json
import time
from typing import Any

import pytest

from stagecraft import cluster, rollouts, soak
from stagecraft.project import service_names

# Seconds between two requests on a connection: enough for connections to be idle when a pod ends.
PAUSE = 0.02


def assert_nothing_lost(report: dict[str, Any], at_least: int) -> None:
    """Every kind of client asked, all were answered; else each failure is shown with all that is known of it."""
    lost = {kind: found["told"] for kind, found in report.items() if found["failures"]}
    assert not lost, json.dumps(lost, indent=1)
    assert all(found["requests"] > 0 for found in report.values())
    assert sum(found["requests"] for found in report.values()) >= at_least


@pytest.mark.parametrize(
    "scenario", [name for name in rollouts.SCENARIOS if name not in {"bad image, undone", soak.LOSES}]
)
def test_nothing_is_lost(scenario: str, kubectl: Any) -> None:
    """A rollout, a deletion, a drain: clients see none of it."""
    before = kubectl("get", "pods", "--output=name")
    with soak.traffic(PAUSE) as report:
        rollouts.SCENARIOS[scenario][0]()

    assert kubectl("get", "pods", "--output=name") != before
    assert_nothing_lost(report, at_least=500)


def test_a_bad_image_stalls_and_is_undone() -> None:
    """It takes no pod away that serves, and the way back takes less than ten seconds."""
    with soak.traffic(PAUSE) as report:
        seconds = rollouts.bad_image()

    assert seconds < 10
    assert_nothing_lost(report, at_least=100)


def test_a_killed_pod_loses_what_was_in_flight_and_no_more_later() -> None:
    """SIGKILL gives nobody a chance: what fails does so within seconds of it, and then the others serve."""
    with soak.traffic(PAUSE) as report:
        time.sleep(2)  # for connections to be kept with it; nothing is waited for
        killed = rollouts.kill()
        time.sleep(5)  # how long no more failure is looked for
    failed = [failure["at"] - killed for found in report.values() for failure in found["told"]]

    assert all(-0.1 < seconds < 5 for seconds in failed), failed


def test_one_request_id_is_in_both_services_logs(kubectl: Any, run: Any) -> None:
    """From curl through the published port, through health, to echo: each pod logs the id that came."""
    url = next(service.url for service in cluster.published() if service.name == "health")
    rollouts.restore()

    run("curl", "--silent", "--fail", "--header", "X-Request-ID: from-curl-2", f"{url}/api/status?refresh=true")

    for service in service_names():
        lines = kubectl("logs", f"--selector=app.kubernetes.io/name={service}", "--tail=-1").splitlines()
        events = [json.loads(line) for line in lines if "from-curl-2" in line]
        assert [event["event"] for event in events] == ["request"]
