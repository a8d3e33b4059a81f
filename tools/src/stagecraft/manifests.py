"""The manifests under deploy/, rendered by kustomize with images by digest."""

import os

import yaml

from stagecraft.problem import Exit, Problem
from stagecraft.project import CACHE, OVERLAYS, ROOT
from stagecraft.shell import quiet

COMPONENTS = ROOT / "deploy" / "components"


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


def render(
    overlay: str,
    digests: dict[str, str],
    *more: str,
    tags: dict[str, str] | None = None,
    settings: dict[str, list[str]] | None = None,
) -> str:
    """Render an overlay.

    Args:
        overlay: A folder of deploy/overlays.
        digests: By image as the overlay names it, without a tag, its digest: sha256:…
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
    images = [{"name": name, "digest": digest} for name, digest in digests.items()]
    for name, tagged in (tags or {}).items():
        new_name, _, tag = tagged.rpartition(":")
        images.append({"name": name, "newName": new_name, "newTag": tag})
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAYS / overlay, folder)],
        "components": [os.path.relpath(COMPONENTS / component, folder) for component in more],
        "images": images,
        "configMapGenerator": [
            {"name": name, "namespace": "stagecraft", "behavior": "merge", "literals": literals}
            for name, literals in (settings or {}).items()
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return quiet("kubectl", "kustomize", str(folder))
