"""What is in an image: read from its archive, looked at by dive and trivy, shown in the terminal or as a page."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from stagecraft import bake
from stagecraft.console import errors
from stagecraft.inspection import archive, page, report, scans
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names
from stagecraft.python_image import present


@dataclass(frozen=True)
class Wanted:
    """An image to look into."""

    image: str
    file: str
    """What its page is called."""
    advice: str
    """What to do where the engine has no such image."""


def any_image(image: str) -> Wanted:
    """Name any image of the engine."""
    return Wanted(image, re.sub(r"[^\w.-]+", "-", image), "`docker images` lists those that it has.")


def of_service(service: str, stage: str) -> Wanted:
    """Name the image of a service's stage as bake tags it.

    Raises:
        Problem: There is no such service, no such stage, or its image is not kept.
    """
    if service not in service_names():
        raise Problem(f"there is no service {service!r}", f"Choose one of {', '.join(service_names())}.", Exit.USAGE)
    target = f"{service}-{stage}"
    bake.variables()  # what is wrong with these is not the target's fault
    try:
        planned = json.loads(bake.plan(target))["target"][target]
    except Problem as problem:
        raise Problem(f"bake has no target {target}", problem.advice, Exit.USAGE) from problem
    if "docker" not in json.dumps(planned["output"]):
        raise Problem(f"bake keeps no image of {target}", "Choose a stage such as production.", Exit.USAGE)
    is_default = stage == "production"
    build = "make build" if is_default else f"make build TARGETS={target}"
    return Wanted(planned["tags"][0], service if is_default else target, f"`{build}` builds it.")


def inspect(wanted: Wanted) -> report.Report:
    """Say what is in an image of the engine.

    Raises:
        Problem: The engine has none, or it can't be read.
    """
    if not present(wanted.image):
        raise Problem(f"the engine has no image {wanted.image}", wanted.advice, Exit.MISSING)
    with errors.status(f"saving {wanted.image}") as status, archive.saved(wanted.image) as saved:
        status.update("reading its layers")
        read = archive.read(saved)
        status.update("asking dive and trivy")
        return report.report(wanted.image, read, scans.scans(saved))


def write_page(reports: list[report.Report], name: str) -> Path:
    """Write reports as a page under dist/inspect.

    Returns:
        The page's path.
    """
    path = ROOT / "dist" / "inspect" / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.render(reports))
    return path
