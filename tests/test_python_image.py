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


def test_base_has_bytecode_of_the_standard_library(run: Any, tmp_path: Path) -> None:
    """Though the Python image has none, as python's own: a service would compile hundreds of modules at each start."""
    bare, base = "stagecraft/python:bare", "stagecraft/base:bare"
    find = "find / -xdev -name __pycache__ -prune -exec rm -r {} +"
    (tmp_path / "Dockerfile").write_text(f"FROM {python_image.name(python_image.selected())}\nRUN {find}\n")
    script = (
        "import asyncio, email.message, http.server, os, sys; specs = [one.__spec__ for one in sys.modules.values()];"
        "print([spec.name for spec in specs if spec and spec.cached and not os.path.exists(spec.cached)])"
    )

    run("docker", "build", "--tag", bare, str(tmp_path))
    run("docker", "build", "--build-arg", f"PYTHON_IMAGE={bare}", "--target", "base", "--tag", base, ".")
    missing = [
        run("docker", "run", "--rm", image, "python", "-B", "-c", script).stdout.strip() for image in (bare, base)
    ]
    run("docker", "rmi", bare, base)

    assert (missing[0] != "[]", missing[1]) == (True, "[]")


def test_a_plain_build_needs_no_flag(run: Any) -> None:
    """Without bake and without its secret, everything is fetched with what the image itself trusts."""
    run("docker", "build", "--no-cache-filter", "uv,builder", "--target", "builder", ".")
