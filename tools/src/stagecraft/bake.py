"""Build images by docker-bake.hcl, with what only this machine knows: the commit, its time, the CA bundle."""

import json
import os
import re
from pathlib import Path

from stagecraft import ca, engine
from stagecraft.problem import Exit, Problem
from stagecraft.project import service_names
from stagecraft.shell import output, quiet, run

# From this buildx on, bake reads a file outside the context only where it is told that it may.
ENTITLEMENTS = (0, 19)
# The variables that name a file which only the build may see.
SECRETS = ("SSL_CERT_FILE", "NETRC")


def variables() -> dict[str, str]:
    """Give the bake variables that git and this machine know, or that the environment sets; none that is unknown."""
    found = {
        "REVISION": output("git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"),
        "SOURCE": public_source(output("git", "config", "--get", "remote.origin.url") or ""),
        "SOURCE_DATE_EPOCH": output("git", "log", "--max-count=1", "--format=%ct"),
        "SSL_CERT_FILE": ca.bundle(),
        "NETRC": _netrc(),
    }
    return {name: value for name, default in found.items() if (value := os.environ.get(name) or default)}


def _netrc() -> str | None:
    """Give NETRC: unlike a bundle's, its default is none, as a person's own has more than a build should see."""
    path = os.environ.get("NETRC")
    if path and not Path(path).is_file():
        raise Problem(f"NETRC={path} is no file", "Unset it, or name a netrc file.", Exit.USAGE)
    return path


def build(*arguments: str) -> None:
    """Run `docker buildx bake` on targets or groups; the engine and the Python image are there by then.

    Args:
        arguments: bake's own: targets, groups and options.

    Raises:
        Problem: The build failed.
    """
    known = variables()
    if engine.versions()["buildx"] >= ENTITLEMENTS:
        arguments = (*(f"--allow=fs.read={known[name]}" for name in SECRETS if name in known), *arguments)
    run("docker", "buildx", "bake", *arguments, env=known)


def plan(*targets: str) -> str:
    """Give bake's plan for targets or groups as `build` would run it, as JSON; it needs no engine, only buildx."""
    return quiet("docker", "buildx", "bake", "--print", *targets, env=variables())


def images(group: str = "production") -> dict[str, str]:
    """Give the image of every service in a group as bake tags it: stagecraft/echo:dev."""
    targets = json.loads(plan(group))["target"]
    return {service: targets[f"{service}-{group}"]["tags"][0] for service in service_names()}


def version() -> str:
    """Give the version that the images are tagged with: VERSION, or docker-bake.hcl's default."""
    return next(iter(images().values())).rpartition(":")[2]


def public_source(remote: str) -> str | None:
    """Give the address of a git remote as anyone may see it: without a token, None for a folder of this machine."""
    found = re.fullmatch(r"(?:https?://(?:[^@/]*@)?|git@)([\w.-]+(?::\d+)?)[:/](.+?)(?:\.git)?", remote)
    return f"https://{found[1]}/{found[2]}" if found else None
