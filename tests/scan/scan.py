"""Print as JSON what checkov and kubernetes-validate find in manifests: `scan.py KUBERNETES_VERSION,… FILE…`.

Both in one process, as it takes longer to load checkov than to scan a hundred objects with it.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from checkov.kubernetes.runner import Runner  # type: ignore[import-not-found]
from checkov.runner_filter import RunnerFilter  # type: ignore[import-not-found]
from kubernetes_validate import utils  # type: ignore[import-not-found]

# Each schema is read once.
utils.schema_contents = functools.cache(utils.schema_contents)


def checkov(file: str) -> dict[str, Any]:
    """Run all of checkov's checks for Kubernetes on a file of its own: some look at several objects."""
    report = Runner().run(root_folder=None, files=[file], runner_filter=RunnerFilter(framework=["kubernetes"]))
    return {
        "passed": len(report.passed_checks),
        "skipped": [f"{record.check_id} {record.resource}" for record in report.skipped_checks],
        "failed": [f"{record.check_id} {record.resource}" for record in report.failed_checks],
        "unparsed": report.parsing_errors,
    }


def validate(file: str, version: str) -> dict[str, Any]:
    """Compare every object of a file with the strict schema of a Kubernetes version."""
    found: dict[str, Any] = {"passed": 0, "failed": [], "unknown": []}
    for item in yaml.safe_load_all(Path(file).read_text()):
        try:
            utils.validate(item, version, strict=True)
            found["passed"] += 1
        except utils.ValidationError as error:
            found["failed"].append(f"{item['kind']}/{item['metadata']['name']}: {error.message}")
        except utils.SchemaNotFoundError:
            found["unknown"].append(item["kind"])
    return found


versions, files = sys.argv[1].split(","), sys.argv[2:]
results = {
    Path(file).stem: {"checkov": checkov(file), "validate": {version: validate(file, version) for version in versions}}
    for file in files
}
sys.stdout.write(json.dumps(results))
