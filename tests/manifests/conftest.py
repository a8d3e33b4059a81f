"""What the tests of the manifests share: each variant as it is rendered."""

import copy
from typing import Any

import pytest
import yaml

from stagecraft.manifests import render
from stagecraft.project import service_names

# An overlay, and the components that COMPONENTS=… may add to it.
VARIANTS: dict[str, tuple[str, ...]] = {
    "kind": ("kind",),
    "kind+autoscaling": ("kind", "autoscaling"),
    "kind+autoscaling+metrics+ingress": ("kind", "autoscaling", "metrics", "ingress"),
    "kind+hardened": ("kind", "hardened"),
    "production": ("production",),
    "production+metrics+ingress": ("production", "metrics", "ingress"),
}
DIGEST = f"@sha256:{'a' * 64}"


@pytest.fixture(scope="session")
def rendered() -> dict[str, str]:
    """Give the YAML of every variant by its name."""
    services = {f"stagecraft/{name}": f"stagecraft/{name}{DIGEST}" for name in service_names()}
    add_ons = {"kind": {"metrics-server": f"metrics-server{DIGEST}"}}
    return {
        name: render(overlay, services | add_ons.get(overlay, {}), *components)
        for name, (overlay, *components) in VARIANTS.items()
    }


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    """Name each variant in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def parsed(rendered: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Give the objects of every variant, to look at only."""
    return {name: list(yaml.safe_load_all(text)) for name, text in rendered.items()}


@pytest.fixture
def objects(parsed: dict[str, list[dict[str, Any]]], variant: str) -> list[dict[str, Any]]:
    """Give the objects of each variant in turn."""
    return parsed[variant]


@pytest.fixture
def production(parsed: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Give the objects of production with every component, to change."""
    return copy.deepcopy(parsed["production+metrics+ingress"])
