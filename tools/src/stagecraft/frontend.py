"""Services' front ends, bundled on this machine as the Dockerfile's frontend stage does it."""

import shutil
from pathlib import Path

from stagecraft import ca
from stagecraft.project import CACHE, ROOT
from stagecraft.shell import quiet

# Node and npm as uv.lock pins them, whatever this machine has.
_NPM = ("uv", "run", "--quiet", "--frozen", "--only-group", "frontend", "npm")


def folder(service: str, root: Path = ROOT) -> Path | None:
    """Give where a service's front end is, None where it has none."""
    found = root / "services" / service / "frontend"
    return found if (found / "package.json").exists() else None


def build(service: str, environment: Path) -> None:
    """Bundle a service's front end, if it has one, for an environment that the service is installed in.

    Args:
        service: Its name.
        environment: Where the service looks for what is built, under share/.

    Raises:
        Problem: What it takes can't be installed, or the build fails.
    """
    source = folder(service)
    if source is None:
        return
    known = {"UV_PROJECT_ENVIRONMENT": str(CACHE / "node")}
    if bundle := ca.bundle():
        known["NPM_CONFIG_CAFILE"] = bundle
    installed = source / "node_modules" / ".package-lock.json"
    lock = source / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        quiet(*_NPM, "ci", "--prefix", str(source), "--ignore-scripts", "--no-audit", "--no-fund", env=known)
    quiet(*_NPM, "run", "build", "--prefix", str(source), "--", str(environment / "share" / service), env=known)


def clean() -> None:
    """Remove the Node that bundles front ends here, and their packages."""
    for installed in (CACHE / "node", *ROOT.glob("services/*/frontend/node_modules")):
        shutil.rmtree(installed, ignore_errors=True)
