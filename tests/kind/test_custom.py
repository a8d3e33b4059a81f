"""The custom kinds of two components, read by an API server that has their definitions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagecraft import cluster, go
from stagecraft.manifests import render
from stagecraft.problem import Problem
from stagecraft.project import ROOT
from stagecraft.shell import quiet

CRDS = ROOT / "tests" / "kind" / "crds"
DEFINITIONS = {
    "sigs.k8s.io/gateway-api": "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    "github.com/prometheus-operator/prometheus-operator":
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _definitions() -> Iterator[None]:
    """Have the cluster know both kinds."""
    files = []
    for module, file in DEFINITIONS.items():
        found = json.loads(quiet(*go.command(), "go", "-C", str(CRDS), "mod", "download", "-json", module))
        files.append(f"--filename={Path(found['Dir']) / file}")
    cluster.kubectl("apply", "--server-side", *files)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *files)
    yield
    cluster.kubectl("delete", *files)


@pytest.fixture(scope="module")
def custom() -> list[dict[str, Any]]:
    """Give what `make kind COMPONENTS="metrics ingress"` would apply of both kinds."""
    objects = yaml.safe_load_all(render("kind", {}, "metrics", "ingress"))
    return [item for item in objects if item["kind"] in {"HTTPRoute", "ServiceMonitor"}]


def accepted(objects: list[dict[str, Any]]) -> list[str]:
    """Have the API server check objects as if it took them; give their names."""
    options = ("--server-side", "--dry-run=server", "--validate=strict", "--output=name", "--filename=-")
    return cluster.kubectl("apply", *options, stdin=yaml.safe_dump_all(objects)).split()


def test_each_is_accepted(custom: list[dict[str, Any]]) -> None:
    """Every field is one of its definition, and every rule there is kept."""
    assert sorted({name.partition(".")[0] for name in accepted(custom)}) == ["httproute", "servicemonitor"]


@pytest.mark.parametrize(
    ("kind", "changed", "reason"),
    [
        ("HTTPRoute", {"hostNames": ["echo.example.com"]}, "hostNames"),
        ("HTTPRoute", {"hostnames": ["192.0.2.1:80"]}, "spec.hostnames"),
        ("ServiceMonitor", {"endpoint": []}, "endpoint"),
        ("ServiceMonitor", {"endpoints": [{"port": "http", "interval": "soon"}]}, "interval"),
    ],
)
def test_a_wrong_one_is_refused(custom: list[dict[str, Any]], kind: str, changed: dict[str, Any], reason: str) -> None:
    """A definition that checks nothing would accept anything."""
    wrong = next(item for item in custom if item["kind"] == kind)

    with pytest.raises(Problem) as refused:
        accepted([wrong | {"spec": wrong["spec"] | changed}])

    assert reason in refused.value.advice
