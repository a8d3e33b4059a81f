"""kubernetes-validate, checkov and trivy find nothing in any variant, with every check on and none skipped."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagecraft.inspection.scans import TRIVY
from stagecraft.manifests import PRODUCTION_IMAGES
from stagecraft.project import ROOT

Scan = dict[str, Any]
SCAN = ROOT / "tests" / "scan"
KUBERNETES = ("1.34", "1.35", "1.36", "1.37")
# No schema of Kubernetes' own; the cluster's tests compare them with their definitions.
CUSTOM = {"HTTPRoute", "ServiceMonitor"}
# KSV-0125 knows only some clouds' registries; here it is told ours, the first part of an image's name.
OURS = {"stagecraft"} | {
    image.get("newName", image["name"]).partition("/")[0]
    for image in yaml.safe_load(PRODUCTION_IMAGES.read_text())["images"]
}


@pytest.fixture(scope="module")
def scanned(rendered: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scan]:
    """Give what all three find, by variant; `mutant` is production with a root user and a misspelt field."""
    folder = tmp_path_factory.mktemp("manifests")
    files = {name: folder / f"{name}.yaml" for name in [*rendered, "mutant"]}
    for name, text in rendered.items():
        files[name].write_text(text)
    files["mutant"].write_text(yaml.safe_dump_all(mutant(list(yaml.safe_load_all(rendered["production"])))))
    data, cache = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("cache")
    (data / "trusted.json").write_text(json.dumps({"ksv0125": {"trusted_registries": sorted(OURS)}}))

    uv = ("uv", "run", "--quiet", "--frozen", "--project", str(SCAN))
    offline = ("--skip-check-update", "--cache-dir", str(cache))
    commands = [
        [*TRIVY, "config", "--quiet", "--format", "json", *offline, "--config-data", str(data), str(folder)],
        [*uv, "python", str(SCAN / "scan.py"), ",".join(KUBERNETES), *map(str, files.values())],
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    trivy, others = map(json.loads, printed)
    by_file = {Path(result["Target"]).stem: result for result in trivy["Results"]}
    return {name: others[name] | {"trivy": by_file.get(name, {})} for name in files}


def mutant(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run one Deployment as root, and spell one of its fields wrong."""
    changed = copy.deepcopy(objects)
    pod = next(item for item in changed if item["kind"] == "Deployment")["spec"]["template"]["spec"]
    pod["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}
    pod["containers"][0]["readynessProbe"] = pod["containers"][0].pop("readinessProbe")
    return changed


def trivy_failures(scan: Scan) -> list[str]:
    """Give the id and the message of what trivy complains about."""
    return [f"{found['ID']}: {found['Message']}" for found in scan["trivy"].get("Misconfigurations", [])]


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_field_is_one_of_kubernetes(
    scanned: dict[str, Scan], objects: list[dict[str, Any]], variant: str, version: str
) -> None:
    """No field is misspelt or of the wrong type, in any supported version; only custom kinds are not looked at."""
    found = scanned[variant]["validate"][version]

    assert found["failed"] == []
    assert found["unknown"] == [item["kind"] for item in objects if item["kind"] in CUSTOM]
    assert found["passed"] == len(objects) - len(found["unknown"]) > 0


def test_checkov_finds_nothing(scanned: dict[str, Scan], variant: str) -> None:
    """All of its checks for Kubernetes pass, and none is skipped."""
    found = scanned[variant]["checkov"]

    assert (found["failed"], found["skipped"], found["unparsed"]) == ([], [], [])
    assert found["passed"] > 0


def test_trivy_finds_nothing(scanned: dict[str, Scan], variant: str) -> None:
    """All of its checks pass, whatever their severity."""
    assert trivy_failures(scanned[variant]) == []
    assert scanned[variant]["trivy"]["MisconfSummary"]["Successes"] > 0


@pytest.mark.parametrize(
    ("complaints", "expected"),
    [
        *(
            (lambda scan, version=version: scan["validate"][version]["failed"], "'readynessProbe' was unexpected")
            for version in KUBERNETES
        ),
        (lambda scan: scan["checkov"]["failed"], "CKV_K8S_9 "),
        (lambda scan: scan["checkov"]["failed"], "CKV_K8S_40 "),
        (trivy_failures, "KSV-0012: "),
    ],
)
def test_each_scanner_refuses_a_mutant(
    scanned: dict[str, Scan], complaints: Callable[[Scan], list[str]], expected: str
) -> None:
    """A scanner that looks at nothing would find nothing, too."""
    assert any(expected in complaint for complaint in complaints(scanned["mutant"]))


def test_nothing_asks_a_scanner_to_look_away() -> None:
    """No comment and no annotation under deploy/ switches a check off."""
    words = (":skip=", "checkov.io/", "trivy:ignore", "kube-score/", "kube-linter.io/", "polaris.fairwinds.com/")
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]

    assert [(path, word) for path in files for word in words if word in path.read_text(errors="replace")] == []
