"""Where services are listed: how each file names them, and how its lines are rewritten.

Rewriting is textual: what is not a service's line stays as it is, comments and all.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from stagecraft.edits import Edits
from stagecraft.manifests import NAMED, production_images
from stagecraft.problem import Exit, Problem
from stagecraft.project import debug_port

BAKE = "docker-bake.hcl"
COMPOSE = "deploy/compose.yaml"
IMAGES = "deploy/overlays/production/images/kustomization.yaml"
LAUNCH = ".vscode/launch.json"
README = "README.md"
BASE = "deploy/base"
OVERLAY = "deploy/overlays/kind"
TARGETS = f"{BASE}/health.env"
# Of an image that was never released.
NO_DIGEST = f"sha256:{'0' * 64}"
# A service's block of compose.yaml.
COMPOSED = """\

  NAME:
    <<: *service
    image: ${REGISTRY:-stagecraft/}NAME:${VERSION:-dev}
    env_file: base/NAME.env
    ports: ["127.0.0.1:${VARIABLE:-NUMBER}:8000"]
"""
SERVICES = re.compile(r'(?<=variable "SERVICES" \{\n  default = \[\n)(?:    "\w+",\n)*')
BLOCK = re.compile(r"(?:^  #.*\n)*^  [\w-]+:\n(?:^(?:    .*)?\n)*", re.MULTILINE)
TABLE = re.compile(r"(?<=<!-- services -->\n).*?(?=<!-- /services -->)", re.DOTALL)


def needed(edits: Edits, path: str) -> str:
    """Give what a file would hold.

    Raises:
        Problem: There would be none.
    """
    text = edits.read(path)
    if text is None:
        raise Problem(f"there is no {path}", code=Exit.USAGE)
    return text


def _found(pattern: re.Pattern[str], edits: Edits, path: str) -> re.Match[str]:
    match = pattern.search(needed(edits, path))
    if match is None:
        raise Problem(f"{path} has no list of services where one is looked for", f"It has to match {pattern.pattern}.")
    return match


def _replace(pattern: re.Pattern[str], edits: Edits, path: str, lines: list[str]) -> None:
    match = _found(pattern, edits, path)
    edits.write(path, match.string[: match.start()] + "\n".join([*lines, ""]) + match.string[match.end() :])


def known(edits: Edits) -> set[str]:
    """Give every name that a list holds as a service's, whether or not it has a folder."""
    bases = [path.read_text() for path in edits.root.glob(f"{BASE}/*.yaml")]
    return {
        *re.findall(r'"(\w+)"', _found(SERVICES, edits, BAKE)[0]),
        *re.findall(r"image: \$\{REGISTRY:-stagecraft/\}(\w+):", needed(edits, COMPOSE)),
        *(name for text in bases for name in re.findall(r"image: stagecraft/(\w+):", text)),
    }


def project(edits: Edits, name: str) -> dict[str, str]:
    """Give what a service's pyproject.toml says of it."""
    return dict(tomllib.loads(needed(edits, f"services/{name}/pyproject.toml"))["project"])


def node_ports(edits: Edits) -> dict[str, int]:
    """Give by service the port at which the kind overlay publishes it."""
    paths = {path.relative_to(edits.root).as_posix() for path in edits.root.glob(f"{OVERLAY}/*.yaml")} | {*edits.texts}
    ports = {path: re.search(r"nodePort: (\d+)", edits.read(path) or "") for path in paths if path.startswith(OVERLAY)}
    return {Path(path).stem: int(port[1]) for path, port in ports.items() if port}


def ports(composed: str) -> dict[str, int]:
    """Give by service the port at which compose.yaml publishes it, unless a variable says otherwise."""
    services = yaml.safe_load(composed)["services"]
    ports = {name: re.search(r":-(\d+)\}:8000", str(service.get("ports"))) for name, service in services.items()}
    return {name: int(port[1]) for name, port in ports.items() if port}


def next_port(taken: dict[str, int]) -> int:
    """Give the port after the highest that a service has."""
    return max(taken.values()) + 1


def bake(edits: Edits, services: list[str]) -> None:
    """Have docker-bake.hcl build each service."""
    _replace(SERVICES, edits, BAKE, [f'    "{name}",' for name in services])


def compose(edits: Edits, services: list[str], gone: list[str]) -> None:
    """Have compose.yaml run each service, a new one at the next port."""
    text = needed(edits, COMPOSE)
    head, key, rest = text.partition("\nservices:\n")
    after = re.search(r"^\S", rest, re.MULTILINE)
    section, tail = (rest[: after.start()], rest[after.start() :]) if after else (rest, "")

    def is_gone(block: str) -> bool:
        return any(f"image: ${{REGISTRY:-stagecraft/}}{name}:" in block for name in gone)

    section = BLOCK.sub(lambda block: "" if is_gone(block[0]) else block[0], section).rstrip("\n") + "\n"
    for name in services:
        if f"\n  {name}:\n" not in f"\n{section}":
            port = str(next_port(ports(head + key + section)))
            block = COMPOSED.replace("NAME", name).replace("VARIABLE", f"{name.upper()}_PORT")
            section += block.replace("NUMBER", port)
    edits.write(COMPOSE, head + key + section + ("\n" + tail if tail else ""))


def kustomization(edits: Edits, folder: str, services: list[str], gone: list[str]) -> None:
    """Have a folder's kustomization name each file that is a service's there: manifests, and settings."""
    path = f"{folder}/kustomization.yaml"
    # what base has generated is merged into elsewhere
    merge = "" if folder == BASE else " namespace: stagecraft, behavior: merge,"
    lines = {
        "resources": {name: f"  - {name}.yaml" for name in services if edits.read(f"{folder}/{name}.yaml")},
        "configMapGenerator": {
            name: f"  - {{name: {name},{merge} envs: [{name}.env]}}"
            for name in services
            if edits.read(f"{folder}/{name}.env")
        },
    }
    text = needed(edits, path)
    for key, wanted in lines.items():
        text = _listed(text, key, wanted, {*services, *gone})
    edits.write(path, text)


def _listed(text: str, key: str, wanted: dict[str, str], names: set[str]) -> str:
    """Have a list hold the wanted lines and no other of these names; a line that is there stays as it is."""

    def name(line: str) -> str:
        match = re.match(r"  - (?:\{name: )?(\w+)(?:\.yaml$|,)", line)
        return match[1] if match and match[1] in names else ""

    def lines(match: re.Match[str]) -> str:
        present = match[1].splitlines()
        ours = wanted | {name(line): line for line in present if name(line) in wanted}
        kept = [*(line for line in present if not name(line)), *(ours[service] for service in sorted(ours))]
        return "".join(f"{line}\n" for line in [f"{key}:", *kept]) if kept else ""

    return re.sub(rf"^{key}:\n((?:  .*\n)*)", lines, text, flags=re.MULTILINE)


def images(edits: Edits, services: list[str]) -> None:
    """Have the production overlay name each service's digest; of a new one, none that there is."""
    present = {image["name"]: image for image in yaml.safe_load(needed(edits, IMAGES))["images"]}
    names = [NAMED + name for name in services]
    images = [present.get(name, {"name": name, "digest": NO_DIGEST}) for name in names]
    edits.write(IMAGES, production_images(images))


def targets(edits: Edits, services: list[str]) -> None:
    """Have health watch its siblings: what is of another name or address is not theirs, and stays."""
    if "health" not in services:
        return

    def sibling(name: str, target: str | dict[str, str]) -> bool:
        return (target if isinstance(target, str) else target.get("url")) == f"http://{name}:8000/health"

    def entry(match: re.Match[str]) -> str:
        targets = json.loads(match[1] or "{}")
        siblings = {name: targets.get(name, f"http://{name}:8000/health") for name in services if name != "health"}
        kept = {name: target for name, target in targets.items() if name in services or not sibling(name, target)}
        return f"HEALTH_TARGETS={json.dumps(siblings | kept)}"

    edits.write(TARGETS, re.sub(r"^HEALTH_TARGETS=(.*)$", entry, needed(edits, TARGETS), flags=re.MULTILINE))


def readme(edits: Edits, services: list[str]) -> None:
    """Have the README show each service."""
    composed, nodes = ports(needed(edits, COMPOSE)), node_ports(edits)
    lines = ["| | | `make up` | `make kind` |", "|---|---|---|---|"]
    for name in services:
        words = project(edits, name)["description"]
        urls = " | ".join(f"http://localhost:{port.get(name)}" for port in (composed, nodes))
        lines.append(f"| [{name}](services/{name}) | {words} | {urls} |")
    _replace(TABLE, edits, README, lines)


def launch(edits: Edits, services: list[str]) -> None:
    """Have VS Code know how a debugger attaches to each service, in its container and as a process of this machine."""
    mapping = {"localRoot": "${workspaceFolder}", "remoteRoot": "/app"}
    configurations: list[dict[str, Any]] = []
    composed = ports(needed(edits, COMPOSE))
    for name in services:
        connect = {"host": "localhost", "port": debug_port(composed[name])}
        attach = {"name": name, "type": "debugpy", "request": "attach", "connect": connect}
        configurations += [attach | {"pathMappings": [mapping]}, attach | {"name": f"{name}, ENGINE=none"}]
    text = json.dumps({"version": "0.2.0", "configurations": configurations}, indent=2)
    edits.write(LAUNCH, f"{text}\n")
