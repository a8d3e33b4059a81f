"""The template of a service: files with NAME in their paths and texts, under template/ as they are in the repository.

They are no package's files yet, so no linter but yamllint looks at them: it looks at what is made of them.
"""

from pathlib import Path

import yaml

from stagecraft import lists
from stagecraft.edits import Edits

TEMPLATE = Path(__file__).parent / "template"


def template(folder: str) -> dict[str, str]:
    """Give the template's files below a folder: by path, with NAME in it, the text."""
    found = sorted(path for path in (TEMPLATE / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(TEMPLATE).as_posix(): path.read_text() for path in found}


def render(text: str, name: str, **values: str) -> str:
    """Put a service's name, and what else a file of the template leaves open, in their places."""
    for word, value in {**values, "NAME": name}.items():
        text = text.replace(word, value)
    return text


def add_service(edits: Edits, name: str) -> None:
    """Add a service's own folder."""
    for path, text in template("services").items():
        edits.write(render(path, name), render(text, name))


def add_manifests(edits: Edits, name: str) -> None:
    """Add what a service lacks of its own files under deploy/: once, as from then on they are its people's."""
    for path, text in template("deploy").items():
        target = render(path, name)
        if edits.read(target) is None:
            words = yaml.safe_dump(lists.project(edits, name)["description"], width=1000).removesuffix("...\n").strip()
            node_port = str(lists.next_port(lists.node_ports(edits)))
            edits.write(target, render(text, name, DESCRIPTION=words, NODE_PORT=node_port))
