"""The manifests agree with the services, with each other, and with the settings of what they run."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.config import LIFESPAN_SECONDS, Settings
from stagecraft import bake, scaffold, sync
from stagecraft.edits import Edits
from stagecraft.project import ROOT, service_names

Objects = dict[str, dict[str, Any]]
DEPLOY = ROOT / "deploy"
# In each of them a service has a file of its own.
FOLDERS = ("base", "overlays/kind", "components/autoscaling", "components/ingress", "components/network-policies")


def kustomization(folder: Path) -> dict[str, Any]:
    """Give what the kustomization of a folder says."""
    return dict(yaml.safe_load((folder / "kustomization.yaml").read_text()))


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """Copy what kustomize reads of deploy/, to change it."""
    for name in ("base", "components", "overlays"):
        shutil.copytree(DEPLOY / name, tmp_path / "deploy" / name)
    return tmp_path / "deploy"


@pytest.fixture
def build(run: Any, deploy: Path) -> Callable[..., Objects]:
    """Render an overlay of that copy with more components; give its objects by kind and name."""

    def build(overlay: str, *components: str) -> Objects:
        (deploy / "all").mkdir(exist_ok=True)
        whole = {
            "resources": [f"../overlays/{overlay}"],
            "components": [f"../components/{name}" for name in components],
        }
        (deploy / "all" / "kustomization.yaml").write_text(yaml.safe_dump(whole))
        found = yaml.safe_load_all(run("kubectl", "kustomize", str(deploy / "all")).stdout)
        return {f"{item['kind']}/{item['metadata']['name']}": item for item in found}

    return build


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_service_has_its_file(folder: str) -> None:
    """No service is left out where each has a place."""
    files = {f"{name}.yaml" for name in service_names()}

    assert files <= {path.name for path in (DEPLOY / folder).iterdir()}
    assert files <= set(kustomization(DEPLOY / folder)["resources"])


def test_every_service_has_its_settings_and_its_image() -> None:
    """Each has one file of settings, and one digest."""
    settings = {one["name"]: one["envs"] for one in kustomization(DEPLOY / "base")["configMapGenerator"]}

    assert settings == {name: [f"{name}.env"] for name in service_names()}
    images = [one["name"] for one in kustomization(DEPLOY / "overlays/production/images")["images"]]
    assert images == [f"stagecraft/{name}" for name in service_names()]


def test_every_file_is_used() -> None:
    """No file lies beside a kustomization that does not name it: it would only look as if it were deployed."""
    for found in DEPLOY.rglob("kustomization.yaml"):
        said = kustomization(found.parent)
        used = {*said.get("resources", []), *(patch["path"] for patch in said.get("patches", []) if "path" in patch)}
        used |= {file for one in said.get("configMapGenerator", []) for file in one.get("envs", [])}
        files = {path.name for path in found.parent.iterdir() if path.is_file()}

        assert files - {"kustomization.yaml"} <= used, found


def test_a_pod_has_the_time_that_its_service_takes_to_stop(objects: list[dict[str, Any]]) -> None:
    """Nobody's request is cut off by SIGKILL: preStop, the drain, the requests in flight, the application's own end."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    settings = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
    pods = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"] for item in objects if item["kind"] == "Deployment"
    }

    for name in service_names():
        (server,) = pods[name]["containers"]
        given = settings[server["envFrom"][0]["configMapRef"]["name"]]
        stop = server["lifecycle"]["preStop"]["sleep"]["seconds"] + LIFESPAN_SECONDS
        stop += sum(float(given.get(key.upper(), defaults[key])) for key in ("drain_seconds", "graceful_seconds"))
        assert pods[name]["terminationGracePeriodSeconds"] > stop


def test_each_says_which_version_it_is(objects: list[dict[str, Any]]) -> None:
    """`kubectl get --label-columns app.kubernetes.io/version` and `kubectl rollout history` tell it."""
    deployments = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Deployment"}

    for name in service_names():
        labels = [at["metadata"]["labels"] for at in (deployments[name], deployments[name]["spec"]["template"])]
        assert [one["app.kubernetes.io/version"] for one in labels] == [bake.version()] * 2
        assert bake.version() in deployments[name]["metadata"]["annotations"]["kubernetes.io/change-cause"]


def test_a_change_of_settings_is_a_rollout(deploy: Path, build: Callable[..., Objects]) -> None:
    """A changed line gives the ConfigMap another name, and so the pods of that service alone another template."""
    before = build("production")
    with (deploy / "base" / "echo.env").open("a") as settings:
        settings.write("DRAIN_SECONDS=4\n")
    after = build("production")
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    (source,) = after["Deployment/echo"]["spec"]["template"]["spec"]["containers"][0]["envFrom"]

    assert changed == {"Deployment/echo"}
    assert after[f"ConfigMap/{source['configMapRef']['name']}"]["data"]["DRAIN_SECONDS"] == "4"


@pytest.fixture
def greeter(deploy: Path) -> None:
    """Have a service of that name, made from the template, among those of the copy."""
    root = deploy.parent
    for path in ("docker-bake.hcl", "README.md", "deploy/compose.yaml"):
        shutil.copy(ROOT / path, root / path)
    for name in service_names():
        (root / "services" / name).mkdir(parents=True)
        shutil.copy(ROOT / "services" / name / "pyproject.toml", root / "services" / name)
    edits = Edits(root)
    scaffold.add_service(edits, "greeter")
    sync.plan(edits, sorted([*service_names(), "greeter"]))
    edits.apply()


@pytest.mark.usefixtures("greeter")
@pytest.mark.parametrize("variant", [("kind", "autoscaling", "ingress"), ("production", "ingress")])
def test_a_new_service_has_all_that_echo_has(build: Callable[..., Objects], variant: tuple[str, ...]) -> None:
    """Every object of echo's, in every overlay, but for the name, the port, the description and echo's own faults."""

    def alike(text: str) -> str:
        # a ConfigMap's hash is of its name, too
        text = re.sub(r"((?:echo|greeter)-)[a-z0-9]{10}\b", r"\1hash", text).replace("greeter", "echo")
        own = (r'"ECHO_FAULTS": "true", ', r'"kubernetes.io/description": "[^"]*"', r'"nodePort": \d+', r"@sha256:\w+")
        return re.sub("|".join(own), "", text)

    objects = build(*variant)
    of = {
        name: {alike(key): alike(json.dumps(objects[key])) for key in objects if re.search(rf"\b{name}\b", key)}
        for name in ("echo", "greeter")
    }

    assert {key.partition("/")[0] for key in of["greeter"]} >= {
        "ConfigMap", "Deployment", "HTTPRoute", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount",
    }  # fmt: skip
    assert of["greeter"] == of["echo"]
