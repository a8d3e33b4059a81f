"""What the tests of the manifests share: each variant as it is rendered."""

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
    "production": ("production",),
    "production+metrics+ingress": ("production", "metrics", "ingress"),
}
DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture(scope="session")
def rendered() -> dict[str, str]:
    """Give the YAML of every variant by its name."""
    services = {f"stagecraft/{name}": DIGEST for name in service_names()}
    add_ons = {"kind": {"metrics-server": DIGEST}}
    return {
        name: render(overlay, services | add_ons.get(overlay, {}), *components)
        for name, (overlay, *components) in VARIANTS.items()
    }


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    """Name each variant in turn."""
    return str(request.param)


@pytest.fixture
def objects(rendered: dict[str, str], variant: str) -> list[dict[str, Any]]:
    """Give the objects of each variant in turn."""
    return list(yaml.safe_load_all(rendered[variant]))


@pytest.fixture
def production(rendered: dict[str, str]) -> list[dict[str, Any]]:
    """Give the objects of production with every component: what a mutant is made from."""
    return list(yaml.safe_load_all(rendered["production+metrics+ingress"]))
