"""The bill of materials of each image that ships."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from stagecraft import sbom
from stagecraft.problem import Problem
from stagecraft.project import ROOT, service_names

GROUPS = ["production", "hardened"]
# What an image says of itself, by another way than the bill: its own Python, and its own dpkg.
DISTRIBUTIONS = (
    "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"
)
DPKG = ("dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n")
# A distribution more, and another version of one.
SPOIL = (
    "cd /app/.venv/lib/python3*/site-packages && cp -r h11-*.dist-info odd-1.dist-info"
    " && sed -i 's/^Name:.*/Name: odd/;s/^Version:.*/Version: 1/' odd-1.dist-info/METADATA"
    " && sed -i 's/^Version:.*/Version: 9/' h11-*.dist-info/METADATA"
)


@pytest.fixture(name="bills", scope="module")
def _bills(images: dict[str, str]) -> dict[str, Any]:
    targets = [(service, f"{service}-{group}") for service in service_names() for group in GROUPS]
    return {target: sbom.bill(service, images[target]) for service, target in targets}


def listed(bill: dict[str, Any], kind: str) -> set[str]:
    """Give the components of a bill whose package URL is of a kind, or that are ours, which have none."""
    return {
        f"{component['name']} {component['version']}"
        for component in bill["components"]
        if component.get("purl", "pkg:pypi").startswith(kind) and component["type"] != "operating-system"
    }


def test_each_follows_the_schema(bills: dict[str, Any]) -> None:
    """It is CycloneDX, to the letter."""
    validator = JsonStrictValidator(SchemaVersion.V1_5)

    assert {target: validator.validate_str(json.dumps(bill)) for target, bill in bills.items()} == dict.fromkeys(bills)


def test_it_lists_exactly_what_the_image_holds(bills: dict[str, Any], images: dict[str, str], run: Any) -> None:
    """Every Python distribution and every Debian package that the image itself knows of, and no other."""
    for target, bill in bills.items():
        said = run("docker", "run", "--rm", images[target], "python", "-c", DISTRIBUTIONS).stdout
        assert {line.replace("_", "-") for line in said.splitlines()} == listed(bill, "pkg:pypi"), target
    for service in service_names():
        said = run("docker", "run", "--rm", images[f"{service}-production"], *DPKG).stdout
        assert set(said.splitlines()) == listed(bills[f"{service}-production"], "pkg:deb")
        assert set() < listed(bills[f"{service}-hardened"], "pkg:deb") < set(said.splitlines())


def test_each_wheel_has_the_hash_that_is_locked(bills: dict[str, Any]) -> None:
    """What comes from an index is one file, with its address and its hash in uv.lock; only members have none."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    wheels = {wheel["url"]: wheel["hash"] for package in locked for wheel in package.get("wheels", [])}
    for target, bill in bills.items():
        found = {}
        for component in bill["components"]:
            if component.get("purl", "").startswith("pkg:pypi"):
                (file,), (sha256,) = component["externalReferences"], component["hashes"]
                found[file["url"]] = f"sha256:{sha256['content']}"
        assert found.items() <= wheels.items(), target
        assert len(listed(bill, "pkg:pypi")) - len(found) == len({"chassis", bill["components"][0]["name"]})


def test_one_image_has_one_bill(bills: dict[str, Any], images: dict[str, str]) -> None:
    """Asked for again it is the same, so two can be compared, and signed."""
    assert sbom.bill("echo", images["echo-production"]) == bills["echo-production"]


def test_what_the_lock_does_not_know_is_told(images: dict[str, str], run: Any, tmp_path: Path) -> None:
    """An image with a distribution more, or another version of one, gets no bill."""
    (tmp_path / "Dockerfile").write_text(f"FROM {images['echo-production']}\nUSER 0\nRUN {SPOIL}\n")
    image = "stagecraft/spoilt:test"
    run("docker", "build", "--quiet", "--tag", image, str(tmp_path))

    with pytest.raises(Problem, match=r"what uv.lock does not: (?=.*odd 1)(?=.*h11 9)"):
        sbom.bill("echo", image)
    run("docker", "rmi", image)
