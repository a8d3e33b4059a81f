"""The stand-ins of this machine, where it needed any."""

import re
from pathlib import Path
from typing import Any

import pytest

from stagecraft import ca, python_image

pytestmark = pytest.mark.usefixtures("engine_here")


def test_a_stand_in_knows_what_this_machine_trusts(run: Any) -> None:
    """So a plain `docker build .` gets through this machine's proxy with no flag."""
    for image in python_image.stand_ins():
        assert run("docker", "run", "--rm", image, "cat", str(ca.DEBIAN)).stdout == Path(ca.bundle()).read_text()


def test_a_stand_in_can_do_what_the_real_one_can(run: Any) -> None:
    """Each supported Python is of its version, has pip, venv and the headers of its own, and says python."""
    for version in python_image.RELEASES:
        script = (
            "import venv, pip, platform, sysconfig; print(platform.python_version());"
            "print(open(sysconfig.get_path('include') + '/patchlevel.h').read())"
        )
        said = run("docker", "run", "--rm", python_image.name(version), "python", "-c", script).stdout

        assert said.startswith(f"{version}."), said
        assert re.search(rf'^#define PY_VERSION\s+"{re.escape(said.split()[0])}"', said, re.MULTILINE), said


def test_a_plain_build_needs_no_flag(run: Any) -> None:
    """Without bake and without its secret, everything is fetched with what the image itself trusts."""
    run("docker", "build", "--no-cache-filter", "uv,builder", "--target", "builder", ".")
