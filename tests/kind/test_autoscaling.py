"""Replicas follow the load, and nobody notices."""

from collections.abc import Iterator
from typing import Any

import pytest

from stagecraft import cluster, dev_kind, manifests, rollouts, soak
from stagecraft.problem import Problem


@pytest.fixture(name="autoscaled", scope="module")
def _autoscaled(kubectl: Any) -> Iterator[None]:
    """Deploy with the autoscaling component, and without it again."""
    references, add_ons = cluster.load(), cluster.add_ons()
    cluster.apply(manifests.render("kind", references, "autoscaling", tags=add_ons))
    yield
    kubectl("delete", "horizontalpodautoscaler", "--all")
    rollouts.restore()


@pytest.mark.usefixtures("autoscaled")
def test_load_adds_replicas_and_calm_takes_them_away(get: Any, pods: Any, until: Any) -> None:
    """From three under load to more, back to three in calm; nothing is lost on either way."""

    def replicas() -> int:
        return int(get("horizontalpodautoscaler", "echo")["status"].get("desiredReplicas", 0))

    least = get("horizontalpodautoscaler", "echo")["spec"]["minReplicas"]
    until(lambda: replicas() == least, seconds=90)
    with soak.traffic(pause=0) as loaded:
        until(lambda: replicas() > least, seconds=180)
        cluster.wait(["deployment/echo"])
    with soak.traffic(pause=1) as calm:
        until(lambda: replicas() == least and len(pods("echo")) == least, seconds=240)

    for report in (loaded, calm):
        assert not {kind: found["told"] for kind, found in report.items() if found["failures"]}
        assert all(found["requests"] > 0 for found in report.values())


@pytest.mark.usefixtures("autoscaled")
def test_what_is_scaled_is_not_developed() -> None:
    """Development is one pod: the cluster would make it three, and edits would reach one of them."""
    with pytest.raises(Problem, match="echo is scaled by the cluster"):
        dev_kind.loop("echo")
