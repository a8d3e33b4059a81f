"""Every list of services, made from the folders under services/."""

import re
from pathlib import Path

from stagecraft import lists, scaffold
from stagecraft.edits import Edits
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names
from stagecraft.shell import quiet

LOCK = "uv.lock"
# Of a name: at once a package, a distribution, an image, a host name and a label, so what all of them allow.
FORM = re.compile(r"[a-z][a-z0-9]{1,29}")
FORM_IN_WORDS = "it has to be one word of 2 to 30 characters, a to z and 0 to 9, a letter first"


def plan(edits: Edits, services: list[str]) -> None:
    """Add to edits all that the lists lack of services, and take out what is of services that are gone.

    Raises:
        Problem: A folder is not of the form of a name, or a file not of the one that its list is found by.
    """
    if bad := [name for name in services if not FORM.fullmatch(name)]:
        raise Problem(f"services/{bad[0]} can't be a service: of its name, {FORM_IN_WORDS}", code=Exit.USAGE)
    gone = sorted(lists.known(edits) - set(services))
    for name in gone:
        for suffix in ("yaml", "env"):
            for path in edits.root.glob(f"deploy/**/{name}.{suffix}"):
                edits.write(path.relative_to(edits.root).as_posix(), None)
    for name in services:
        scaffold.add_manifests(edits, name)
    lists.bake(edits, services)
    lists.compose(edits, services, gone)
    for path in sorted(edits.root.glob("deploy/**/kustomization.yaml")):
        lists.kustomization(edits, path.parent.relative_to(edits.root).as_posix(), services, gone)
    lists.images(edits, services)
    lists.targets(edits, services)
    lists.launch(edits, services)
    lists.readme(edits, services)


def complaints(root: Path = ROOT) -> list[str]:
    """Give what no list can mend: what a service lacks of its own, and what two of them want at once."""
    found = []
    for name in service_names(root):
        folder = root / "services" / name
        needed = (f"src/{name}/app.py", "tests/test_*.py", "smoke.yaml")
        found += [f"services/{name}/{path} is missing" for path in needed if not any(folder.glob(path))]
        if (called := lists.project(Edits(root), name)["name"]) != name:
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
    words, locked = edits.words(), lists.needed(edits, LOCK)
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
    return words if locked == lists.needed(edits, LOCK) else [*words, f"change {LOCK}"]


def _twice(root: Path) -> list[str]:
    edits = Edits(root)
    return [
        f"{' and '.join(sorted(names))} have the same port {port}"
        for taken in (lists.ports(lists.needed(edits, lists.COMPOSE)), lists.node_ports(edits))
        for port in sorted(set(taken.values()))
        if len(names := [name for name, other in taken.items() if other == port]) > 1
    ]
