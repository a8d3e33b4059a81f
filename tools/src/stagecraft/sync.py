"""Every list of services, made from the folders under services/.

What a service has of its own under deploy/ is written once, from the template, and belongs to people from then on.
What names every service is a list in a file of many: only its lines are touched.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import yaml

from stagecraft.edits import Edits
from stagecraft.manifests import production_images
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names
from stagecraft.shell import quiet

# Of a name: at once a package, a distribution, an image, a host name and a label, so what all of them allow.
FORM = re.compile(r"[a-z][a-z0-9]{1,29}")
FORM_IN_WORDS = "it has to be one word of 2 to 30 characters, a to z and 0 to 9, a letter first"
TEMPLATE = Path(__file__).parent / "template"
BAKE = "docker-bake.hcl"
COMPOSE = "deploy/compose.yaml"
IMAGES = "deploy/overlays/production/images/kustomization.yaml"
LOCK = "uv.lock"
README = "README.md"
TARGETS = "deploy/base/health.env"
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


def template(folder: str) -> dict[str, str]:
    """Give the template's files below a folder: by path, with NAME in it, the text."""
    found = sorted(path for path in (TEMPLATE / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(TEMPLATE).as_posix(): path.read_text() for path in found}


def known(edits: Edits) -> set[str]:
    """Give every name that a list holds as a service's, whether or not it has a folder."""
    bases = [path.read_text() for path in edits.root.glob("deploy/base/*.yaml")]
    return {
        *re.findall(r'"(\w+)"', _found(SERVICES, edits, BAKE)[0]),
        *re.findall(r"image: \$\{REGISTRY:-stagecraft/\}(\w+):", _needed(edits, COMPOSE)),
        *(name for text in bases for name in re.findall(r"image: stagecraft/(\w+):", text)),
    }


def add(edits: Edits, name: str) -> None:
    """Add a service's own folder to edits, from the template."""
    for path, text in template("services").items():
        edits.write(render(path, name), render(text, name))


def plan(edits: Edits, services: list[str]) -> None:
    """Add to edits all that the lists lack of services, and take out what is of services that are gone.

    Raises:
        Problem: A folder is not of the form of a name, or a file not of the one that its list is found by.
    """
    if bad := [name for name in services if not FORM.fullmatch(name)]:
        raise Problem(f"services/{bad[0]} can't be a service: of its name, {FORM_IN_WORDS}", code=Exit.USAGE)
    gone = sorted(known(edits) - set(services))
    for name in gone:
        for suffix in ("yaml", "env"):
            for path in edits.root.glob(f"deploy/**/{name}.{suffix}"):
                edits.write(path.relative_to(edits.root).as_posix(), None)
    for name in services:
        _add_files(edits, name)
    _replace(SERVICES, edits, BAKE, [f'    "{name}",' for name in services])
    _compose(edits, services, gone)
    for path in sorted(edits.root.glob("deploy/**/kustomization.yaml")):
        _kustomization(edits, path.parent.relative_to(edits.root).as_posix(), services, gone)
    _images(edits, services)
    _targets(edits, services)
    _readme(edits, services)


def complaints(root: Path = ROOT) -> list[str]:
    """Give what no list can mend: what a service lacks of its own, and what two of them want at once."""
    found = []
    for name in service_names(root):
        folder = root / "services" / name
        needed = (f"src/{name}/app.py", f"tests/test_{name}.py", "smoke.yaml")
        found += [f"services/{name}/{path} is missing" for path in needed if not (folder / path).is_file()]
        if (called := _project(Edits(root), name)["name"]) != name:
            found.append(f"services/{name}/pyproject.toml names {called}, not {name}")
    return found + _twice(root)


def run() -> list[str]:
    """Make every list and the lock agree with the folders.

    Returns:
        What was done, a line a file.

    Raises:
        Problem: It can't be done, and then nothing was; or something is amiss that no list can mend.
    """
    edits = Edits(ROOT)
    plan(edits, service_names())
    done = save(edits)
    if found := complaints():
        raise Problem("services are not whole", "\n".join(found), Exit.USAGE)
    return done


def check() -> None:
    """Compare every list with the folders.

    Raises:
        Problem: They disagree; the advice names each file.
    """
    edits = Edits(ROOT)
    plan(edits, service_names())
    if edits.texts:
        advice = "\n".join(edits.words())
        raise Problem("the folders under services/ and these disagree", f"{advice}\n`make sync` does so.")
    if found := complaints():
        raise Problem("services are not whole", "\n".join(found))


def save(edits: Edits) -> list[str]:
    """Write edits and the lock that goes with them, or nothing.

    Returns:
        What was done, a line a file.
    """
    words, locked = edits.words(), _needed(edits, LOCK)
    back = edits.backwards()
    back.texts[LOCK] = locked
    try:
        edits.apply()
        quiet("uv", "lock")
    except BaseException as error:  # Ctrl-C too
        back.apply()
        if isinstance(error, Problem):
            again = "Nothing was changed: the same command can be run again, once uv reaches what it asks for."
            raise Problem("uv can't lock the workspace", f"{error.advice}\n{again}") from error
        raise
    return words if locked == _needed(edits, LOCK) else [*words, f"change {LOCK}"]


def _needed(edits: Edits, path: str) -> str:
    text = edits.read(path)
    if text is None:
        raise Problem(f"there is no {path}", code=Exit.USAGE)
    return text


def _found(pattern: re.Pattern[str], edits: Edits, path: str) -> re.Match[str]:
    found = pattern.search(_needed(edits, path))
    if found is None:
        raise Problem(f"{path} has no list of services where one is looked for", f"It has to match {pattern.pattern}.")
    return found


def _replace(pattern: re.Pattern[str], edits: Edits, path: str, lines: list[str]) -> None:
    found = _found(pattern, edits, path)
    edits.write(path, found.string[: found.start()] + "\n".join([*lines, ""]) + found.string[found.end() :])


def _project(edits: Edits, name: str) -> dict[str, str]:
    return dict(tomllib.loads(_needed(edits, f"services/{name}/pyproject.toml"))["project"])


def render(text: str, name: str, **values: str) -> str:
    """Put a service's name, and what else a file of the template leaves open, in their places."""
    for word, value in {**values, "NAME": name}.items():
        text = text.replace(word, value)
    return text


def _add_files(edits: Edits, name: str) -> None:
    for path, text in template("deploy").items():
        target = render(path, name)
        if edits.read(target) is None:
            description = yaml.safe_dump(_project(edits, name)["description"], width=1000).removesuffix("...\n").strip()
            node_port = str(_next(node_ports(edits)))
            edits.write(target, render(text, name, DESCRIPTION=description, NODE_PORT=node_port))


def node_ports(edits: Edits) -> dict[str, int]:
    """Give by service the port at which the kind overlay publishes it."""
    folder = "deploy/overlays/kind"
    paths = {path.relative_to(edits.root).as_posix() for path in edits.root.glob(f"{folder}/*.yaml")} | {*edits.texts}
    found = {path: re.search(r"nodePort: (\d+)", edits.read(path) or "") for path in paths if path.startswith(folder)}
    return {Path(path).stem: int(port[1]) for path, port in found.items() if port}


def ports(composed: str) -> dict[str, int]:
    """Give by service the port at which compose.yaml publishes it, unless a variable says otherwise."""
    services = yaml.safe_load(composed)["services"]
    found = {name: re.search(r":-(\d+)\}:8000", str(service.get("ports"))) for name, service in services.items()}
    return {name: int(port[1]) for name, port in found.items() if port}


def _next(taken: dict[str, int]) -> int:
    return max(taken.values()) + 1


def _twice(root: Path) -> list[str]:
    edits = Edits(root)
    return [
        f"{' and '.join(sorted(names))} have the same port {port}"
        for taken in (ports(_needed(edits, COMPOSE)), node_ports(edits))
        for port in sorted(set(taken.values()))
        if len(names := [name for name, other in taken.items() if other == port]) > 1
    ]


def _compose(edits: Edits, services: list[str], gone: list[str]) -> None:
    text = _needed(edits, COMPOSE)
    head, key, rest = text.partition("\nservices:\n")
    after = re.search(r"^\S", rest, re.MULTILINE)
    section, tail = (rest[: after.start()], rest[after.start() :]) if after else (rest, "")

    def is_gone(block: str) -> bool:
        return any(f"image: ${{REGISTRY:-stagecraft/}}{name}:" in block for name in gone)

    section = BLOCK.sub(lambda block: "" if is_gone(block[0]) else block[0], section).rstrip("\n") + "\n"
    for name in services:
        if f"\n  {name}:\n" not in f"\n{section}":
            port = str(_next(ports(head + key + section)))
            section += render(COMPOSED, name, VARIABLE=f"{name.upper()}_PORT", NUMBER=port)
    edits.write(COMPOSE, head + key + section + ("\n" + tail if tail else ""))


def _kustomization(edits: Edits, folder: str, services: list[str], gone: list[str]) -> None:
    path = f"{folder}/kustomization.yaml"
    text = _needed(edits, path)
    ours = {Path(name).relative_to(folder).name for name in template("deploy") if Path(name).parent == Path(folder)}
    files = [f"  - {name}.yaml" for name in services] if "NAME.yaml" in ours else []
    settings = [f"  - {{name: {name}, envs: [{name}.env]}}" for name in services] if "NAME.env" in ours else []
    text = _listed(text, "resources", files, services, gone)
    edits.write(path, _listed(text, "configMapGenerator", settings, services, gone))


def _listed(text: str, key: str, wanted: Iterable[str], services: list[str], gone: list[str]) -> str:
    """Take the lines of gone services out of a list, and add those that are wanted; services come last, sorted."""

    def name(line: str) -> str:
        found = re.match(r"  - (?:\{name: )?(\w+)(?:\.yaml$|,)", line)
        return found[1] if found else ""

    def lines(found: re.Match[str]) -> str:
        present = [line for line in found[1].splitlines() if name(line) not in gone]
        named = {name(line): line for line in wanted} | {name(line): line for line in present if name(line) in services}
        rest = [line for line in present if name(line) not in services]
        kept = [*rest, *(named[service] for service in sorted(named))]
        return "".join(f"{line}\n" for line in [f"{key}:", *kept]) if kept else ""

    return re.sub(rf"^{key}:\n((?:  .*\n)*)", lines, text, flags=re.MULTILINE)


def _images(edits: Edits, services: list[str]) -> None:
    present = {image["name"]: image for image in yaml.safe_load(_needed(edits, IMAGES))["images"]}
    names = [f"stagecraft/{name}" for name in services]
    images = [present.get(name, {"name": name, "digest": NO_DIGEST}) for name in names]
    edits.write(IMAGES, production_images(images))


def _targets(edits: Edits, services: list[str]) -> None:
    """Have health watch its siblings: what is of another name or address is not theirs, and stays."""
    if "health" not in services:
        return

    def sibling(name: str, target: str | dict[str, str]) -> bool:
        return (target if isinstance(target, str) else target.get("url")) == f"http://{name}:8000/health"

    def entry(found: re.Match[str]) -> str:
        targets = json.loads(found[1] or "{}")
        kept = {name: target for name, target in targets.items() if name in services or not sibling(name, target)}
        new = {name: f"http://{name}:8000/health" for name in services if name not in {*kept, "health"}}
        return f"HEALTH_TARGETS={json.dumps(kept | new)}"

    edits.write(TARGETS, re.sub(r"^HEALTH_TARGETS=(.*)$", entry, _needed(edits, TARGETS), flags=re.MULTILINE))


def _readme(edits: Edits, services: list[str]) -> None:
    composed, nodes = ports(_needed(edits, COMPOSE)), node_ports(edits)
    lines = ["| | | `make up` | `make kind` |", "|---|---|---|---|"]
    for name in services:
        words = _project(edits, name)["description"]
        urls = " | ".join(f"http://localhost:{port.get(name)}" for port in (composed, nodes))
        lines.append(f"| [{name}](services/{name}) | {words} | {urls} |")
    _replace(TABLE, edits, README, lines)
