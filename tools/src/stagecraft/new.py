"""A new service, from the template."""

import keyword
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from stagecraft import lists, scaffold, sync
from stagecraft.edits import Edits
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT, service_names

NEXT = """\
Try next:
  `make build TARGETS={name}-test` runs its tests, in its own test stage
  `make up` starts it beside the others, and curls every endpoint
  `make kind` deploys it; a cluster that is there can't get another port: `make kind-down` first
Its path operations are in services/{name}/src/{name}/routes.py; each needs a case in services/{name}/smoke.yaml.
To take it out again: `rm -r services/{name}`, and `make sync`."""


def refusal(name: str) -> str | None:
    """Say why a service can't be called that, None where it can."""
    locked = tomllib.loads((ROOT / sync.LOCK).read_text())["package"]
    baked = re.findall(r'^(?:group|target) "(\w+)"', (ROOT / lists.BAKE).read_text(), re.MULTILINE)
    reasons = {
        sync.FORM_IN_WORDS: not sync.FORM.fullmatch(name),
        "it is a keyword of Python": keyword.iskeyword(name),
        "Python has a module of that name": name in sys.stdlib_module_names,
        "uv.lock has a package of that name": name in {package["name"] for package in locked},
        "an installed package has a module of that name": name in packages_distributions(),
        "docker-bake.hcl has a target or group of that name": name in baked,
        "it is every machine's own name": name == "localhost",
        "no image may hold a folder of that name": name == "tests",
        f"there is {_taken(name)} already": _taken(name),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _taken(name: str) -> str:
    """Give a place of the service's that something else has, empty for none."""
    if name in lists.known(Edits(ROOT)):
        return ""  # it is what a run that was cut off has left
    places = (scaffold.render(path, name) for path in scaffold.template("."))
    return next((path for path in places if (ROOT / path).exists()), "")


def new(name: str) -> list[str]:
    """Make a service from the template, and put it into every list.

    Args:
        name: What to call it.

    Returns:
        What was done, a line a file.

    Raises:
        Problem: It can't be called that, or can't be locked; nothing was changed.
    """
    if name in service_names():
        raise Problem(
            f"there is a service {name} already",
            "Choose another name; or, if making it was cut off, `make sync`.",
            Exit.USAGE,
        )
    if reason := refusal(name):
        raise Problem(
            f"a service can't be called {name!r}: {reason}", "For example: `make new SERVICE=greeter`.", Exit.USAGE
        )
    edits = Edits(ROOT)
    scaffold.add_service(edits, name)
    sync.plan(edits, sorted([*service_names(), name]))
    return sync.save(edits)
