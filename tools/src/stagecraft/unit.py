"""Each service's own tests in its own environment, and the reports that they leave in dist/test/."""

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

from stagecraft import bake
from stagecraft.console import console
from stagecraft.project import CACHE, ROOT
from stagecraft.shell import run

REPORTS = ROOT / "dist" / "test"


def in_engine(service: str) -> None:
    """Run a service's tests as its bake target does, which has the reports written here.

    Raises:
        Problem: A test failed.
    """
    # what an earlier run left is not taken for this one's
    shutil.rmtree(_reports(service), ignore_errors=True)
    # base too: a target that is only linked would be exported as a nameless image by buildx 0.13
    bake.build("base", f"{service}-test", "--progress=plain")


def here(service: str) -> None:
    """Run a service's tests as the Dockerfile's stage does, with an environment of this machine.

    Raises:
        Problem: A test failed.
    """
    reports, environment = _reports(service), CACHE / "test" / service
    env = {
        "COVERAGE_FILE": str(environment / ".coverage"),
        "SERVICE": service,
        "UV_FROZEN": "1",
        "UV_PROJECT_ENVIRONMENT": str(environment),
    }
    run("uv", "sync", "--quiet", "--no-editable", "--no-default-groups", "--package", service, env=env)
    run("uv", "sync", "--quiet", "--inexact", "--only-group", "test", env=env)
    run(
        str(environment / "bin" / "pytest"), f"services/{service}", f"--junit-xml={reports / 'junit.xml'}",
        f"--cov={service}", "--cov-report=term", f"--cov-report=xml:{reports / 'coverage.xml'}",
        env=env,
    )  # fmt: skip


def tell(service: str) -> None:
    """Print how many tests there were and how much they covered, and where the reports are."""
    suite = ET.parse(_reports(service) / "junit.xml").find("testsuite")  # noqa: S314 - written by our own pytest
    coverage = ET.parse(_reports(service) / "coverage.xml").getroot()  # noqa: S314 - the same
    if suite is None:
        raise LookupError("testsuite")
    share = float(coverage.attrib["line-rate"])
    where = _reports(service).relative_to(ROOT)
    console.print(f"{service:8} {suite.attrib['tests']} tests passed, {share:.0%} of its lines covered: {where}/")


def _reports(service: str) -> Path:
    return REPORTS / service
