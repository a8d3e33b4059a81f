"""The dev container: what `make` needs, on the Python that services are built on, without any registry of features."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stagecraft import python_image
from stagecraft.project import ROOT, dockerfile_argument

FOLDER = ROOT / ".devcontainer"
IMAGE = "stagecraft/devcontainer:test"

pytestmark = pytest.mark.usefixtures("engine_here")


def test_it_is_on_the_python_that_services_are_built_on() -> None:
    """The default of the one Dockerfile is that of the other."""
    (default,) = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)

    assert default == python_image.name(dockerfile_argument("PYTHON_VERSION"))


def test_make_works_in_it(run: Any, copy: Path) -> None:
    """As the user that devcontainer.json names, in a folder of that user's, as an editor would mount it."""
    text = (FOLDER / "devcontainer.json").read_text()
    configuration = json.loads(re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE))
    variables = [f"--env={name}={value}" for name, value in configuration["containerEnv"].items()]
    dockerfile = FOLDER / configuration["build"]["dockerfile"]
    run("docker", "build", "--file", str(dockerfile), "--tag", IMAGE, str(FOLDER / configuration["build"]["context"]))
    into = ("docker", "run", "--rm", f"--volume={copy}:/workspace", "--workdir=/workspace", *variables)

    run(*into, "--user=0", IMAGE, "chown", "--recursive", configuration["remoteUser"], ".")
    script = f"{configuration['postCreateCommand']}; whoami; uv run --quiet pytest --quiet services/echo; git --version"
    said = run(*into, f"--user={configuration['remoteUser']}", IMAGE, "sh", "-ec", script).stdout
    run(*into, "--user=0", IMAGE, "chown", "--recursive", "0", ".")
    run("docker", "rmi", IMAGE)

    assert f"\n{configuration['remoteUser']}\n" in f"\n{said}"
    assert " passed in " in said
    assert "git version" in said
