"""The manifests under deploy/, rendered by kustomize with images by digest."""

import json
import os
import tempfile

import yaml

from stagecraft import archive, bake
from stagecraft.problem import Exit, Problem
from stagecraft.project import CACHE, OVERLAYS, ROOT
from stagecraft.shell import output, quiet

COMPONENTS = ROOT / "deploy" / "components"
PRODUCTION_IMAGES = OVERLAYS / "production" / "images" / "kustomization.yaml"
# What deploy/base calls an image, before the service: whatever REGISTRY is.
NAMED = "stagecraft/"
RELEASE = ROOT / "dist" / "stagecraft.yaml"


def components() -> list[str]:
    """Give the components that COMPONENTS asks for beyond the overlay's own.

    Raises:
        Problem: One is no folder of deploy/components.
    """
    asked = os.environ.get("COMPONENTS", "").split()
    known = sorted(path.name for path in COMPONENTS.iterdir())
    if unknown := [name for name in asked if name not in known]:
        raise Problem(f"there is no component {' and no '.join(unknown)}", f"There are {', '.join(known)}.", Exit.USAGE)
    return asked


def group() -> str:
    """Give the bake group whose images are deployed: hardened where that component is asked for, else production."""
    return "hardened" if "hardened" in components() else "production"


def render(
    overlay: str,
    references: dict[str, str],
    *more: str,
    tags: dict[str, str] | None = None,
    settings: dict[str, list[str]] | None = None,
) -> str:
    """Render an overlay.

    Args:
        overlay: A folder of deploy/overlays.
        references: By image as the overlay names it, without a tag, where a node finds it: NAME@sha256:…
        more: Components beyond the overlay's own.
        tags: By image, the name and tag to put in its place.
        settings: By service, variables beyond the overlay's own: NAME=value.

    Returns:
        All objects as one YAML stream.

    Raises:
        Problem: kustomize refuses it.
    """
    folder = CACHE / "kustomize"
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for name, reference in references.items():
        new_name, _, digest = reference.partition("@")
        images.append({"name": name, "newName": new_name, "digest": digest})
    for name, tagged in (tags or {}).items():
        new_name, _, tag = tagged.rpartition(":")
        images.append({"name": name, "newName": new_name, "newTag": tag})
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAYS / overlay, folder)],
        "components": [os.path.relpath(COMPONENTS / component, folder) for component in more],
        "images": images,
        "patches": [_version()],
        "configMapGenerator": [
            {"name": name, "namespace": "stagecraft", "behavior": "merge", "literals": literals}
            for name, literals in (settings or {}).items()
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return quiet("kubectl", "kustomize", str(folder))


def _version() -> dict[str, object]:
    """Give the patch that tells of each Deployment and its pods which version of which commit they are."""
    version = bake.version()
    labels = [
        {"op": "add", "path": f"{where}/metadata/labels/app.kubernetes.io~1version", "value": version}
        for where in ("", "/spec/template")
    ]
    # what `kubectl rollout history` shows of a revision
    cause = {
        "op": "add",
        "path": "/metadata/annotations/kubernetes.io~1change-cause",
        "value": f"{version} of commit {bake.variables().get('REVISION', 'unknown')}",
    }
    return {"target": {"kind": "Deployment", "namespace": "stagecraft"}, "patch": json.dumps([*labels, cause])}


def release() -> None:
    """Write the digests of the built images into the production overlay, and the whole of it into RELEASE.

    Raises:
        Problem: An image is not built, or its registry has not got it.
    """
    tagged = bake.images(group())
    known = list(tagged.values())
    digests = {image: pushed(image) for image in known} if elsewhere(known) else _saved(known)
    names = {service: image.rpartition(":")[0] for service, image in tagged.items()}
    images = [
        {"name": NAMED + service, "newName": name, "digest": digests[tagged[service]]}
        for service, name in names.items()
    ]
    PRODUCTION_IMAGES.write_text(production_images(images))
    RELEASE.parent.mkdir(exist_ok=True)
    # the overlay's are replaced by now: by the name they have there
    references = {name: f"{name}@{digests[tagged[service]]}" for service, name in names.items()}
    RELEASE.write_text(render("production", references, *components()) + "\n")


def production_images(images: list[dict[str, str]]) -> str:
    """Give PRODUCTION_IMAGES' text, for kustomize's list of images."""
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": images}
    words = "# Written by `make release-manifests`; a digest of zeros is of an image that was never released.\n"
    return words + _yaml(component)


def elsewhere(images: list[str]) -> bool:
    """Tell whether images are named after a registry, and so are pushed to it by their name."""
    host = images[0].partition("/")[0]
    return "." in host or ":" in host


def pushed(image: str) -> str:
    """Give the digest under which a registry has an image.

    Raises:
        Problem: It has not got it.
    """
    known = json.loads(output("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image) or "[]")
    digests = [digest for name, _, digest in (one.partition("@") for one in known) if name == image.rpartition(":")[0]]
    if not digests:
        raise Problem(f"{image} has no digest yet, as its registry has not got it", f"`docker push {image}` first.")
    return str(digests[0])


def _saved(images: list[str]) -> dict[str, str]:
    if missing := [image for image in images if output("docker", "image", "inspect", image) is None]:
        raise Problem(f"{' and '.join(missing)} can't be found", "`make build` first.", Exit.MISSING)
    with tempfile.NamedTemporaryFile() as file:
        return archive.save(images, file.name)


def _yaml(value: object) -> str:
    # with items indented, as in every other file here
    class Indented(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
            super().increase_indent(flow, indentless=False)

    return str(yaml.dump(value, Dumper=Indented, sort_keys=False, width=120))
