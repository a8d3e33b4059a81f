"""How large every stage of every service is, and the single-stage image beside them."""

import json
from typing import Any

from rich.progress import track

from stagecraft import python_image
from stagecraft.console import errors
from stagecraft.project import service_names
from stagecraft.shell import quiet

# What of the Dockerfile each is: a stage, and for hardened what it stands on.
STAGES = {
    "builder": ["--target", "builder"],
    "test": ["--target", "test"],
    "development": ["--target", "development"],
    "production": ["--target", "production"],
    "hardened": ["--target", "production", "--build-arg", "ROOTFS=hardened"],
}


def measure() -> list[dict[str, Any]]:
    """Build every stage; give of each its service, stage, megabytes, those above the Python image, and layers."""
    base = python_image.name(python_image.selected())
    wanted = [("echo", "single-stage", ["--file", "Dockerfile.single-stage"])]
    wanted += [
        (service, stage, [*arguments, "--build-arg", f"SERVICE={service}"])
        for service in service_names()
        for stage, arguments in STAGES.items()
    ]
    found = []
    for service, stage, arguments in track(wanted, "images", console=errors):
        tag = f"stagecraft/bench:{service}-{stage}"
        quiet("docker", "build", "--tag", tag, *arguments, ".")
        found.append(
            {
                "service": service,
                "stage": stage,
                "mb": round(_size(tag), 1),
                "mb_above_python": round(_size(tag) - _size(base), 1),
                "layers": _layers(tag),
            }
        )
        quiet("docker", "rmi", tag)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Give the table."""
    lines = ["| service, stage | MB | MB above the Python image | layers |", "|---|---:|---:|---:|"]
    for image in found:
        name = f"{image['service']}, {image['stage']}"
        name = f"**{name}**" if image["stage"] == "production" else name
        lines.append(f"| {name} | {image['mb']} | {image['mb_above_python']} | {image['layers']} |")
    return "\n".join(lines)


def _size(image: str) -> float:
    return int(quiet("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _layers(image: str) -> int:
    return len(json.loads(quiet("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)))
