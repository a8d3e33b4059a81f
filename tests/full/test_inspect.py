"""`make inspect` on the real images: what it says is what the engine and a container say."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stagecraft.problem import Exit

STAGECRAFT = (sys.executable, "-m", "stagecraft")
# A key that is none, in two parts, so that no scanner takes this file for a leak.
KEY = "AKIA" + "IOSFODNN7EXAMPLA"
MUTANT = f"""\
FROM stagecraft/echo:dev
USER 0
ENV KEY_ID={KEY}
RUN chmod u+s /usr/bin/env && echo aws_access_key_id={KEY} >/app/key && rm -r /usr/share/zoneinfo
"""

Inspect = Callable[..., list[dict[str, Any]]]


@pytest.fixture(name="looked", scope="module")
def _looked(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Inspect:  # noqa: ARG001 - built
    """Run `stagecraft inspect --json`, where trivy's database can't be reached."""
    cache = str(tmp_path_factory.mktemp("trivy"))

    def looked(*arguments: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*STAGECRAFT, "inspect", "--json", *arguments],
            check=True, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"TRIVY_CACHE_DIR": cache, "TRIVY_DB_REPOSITORY": "localhost:1/none"},
        )  # fmt: skip
        reports: list[dict[str, Any]] = json.loads(done.stdout)
        return reports

    return looked


@pytest.fixture(name="found", scope="module")
def _found(looked: Inspect) -> dict[str, Any]:
    """Give what is said of echo's production image."""
    (found,) = looked()
    return found


@pytest.fixture(name="mutant", scope="module")
def _mutant(images: dict[str, str], run: Any) -> Iterator[str]:  # noqa: ARG001 - it is built on one
    """Build an image with all that one would rather not have, and give its name."""
    name = "stagecraft/mutant:test"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], check=True, input=MUTANT, text=True)
    yield name
    run("docker", "rmi", name)


def scan(found: dict[str, Any], subject: str) -> dict[str, Any]:
    """Give what a scanner said of a subject."""
    (said,) = (said for said in found["scans"] if said["subject"] == subject)
    return dict(said)


def in_container(run: Any, image: str, script: str) -> list[str]:
    """Give the lines that a shell's script prints in a container, as root."""
    words = ("docker", "run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script)
    return sorted(run(*words).stdout.splitlines())


def test_sizes_agree_with_the_engine(found: dict[str, Any], images: dict[str, str], inspect: Any) -> None:
    """Layers with the image's size, files with those of a container; kinds and packages with files."""
    said = inspect(images["echo-production"])
    made = subprocess.run(["docker", "create", images["echo-production"]], check=True, capture_output=True, text=True)
    with (
        subprocess.Popen(["docker", "export", made.stdout.strip()], stdout=subprocess.PIPE) as export,
        tarfile.open(fileobj=export.stdout, mode="r|") as archive,
    ):
        exported = sum(entry.size for entry in archive)
    subprocess.run(["docker", "rm", made.stdout.strip()], check=True, capture_output=True)
    packaged = sum(package["size"] for package in found["python"] + found["debian"])

    # the engine counts some links' own length
    assert found["size"] == pytest.approx(said["Size"], rel=1e-3)
    assert found["size"] == sum(layer["size"] for layer in found["layers"])
    assert len(found["layers"]) == len(said["RootFS"]["Layers"])
    # a container has the engine's own hosts, hostname and resolv.conf
    assert 0 <= found["files"] - exported < 1000
    assert found["files"] == sum(found["kinds"].values()) == packaged + found["unpackaged"]
    assert found["size"] - found["files"] == sum(hidden["size"] for hidden in found["hidden"])


def test_packages_are_those_that_a_container_names(found: dict[str, Any], images: dict[str, str], run: Any) -> None:
    """Python's own list, which another test holds against the lock, and dpkg's."""
    script = "from importlib.metadata import distributions as d; [print(i.name, i.version) for i in d()]"
    python = in_container(run, images["echo-production"], f'python -c "{script}"')
    debian = in_container(run, images["echo-production"], "dpkg-query --show --showformat '${Package} ${Version}\\n'")

    assert sorted(f"{package['name']} {package['version']}" for package in found["python"]) == python
    assert sorted(f"{package['name']} {package['version']}" for package in found["debian"]) == debian
    assert all(package["size"] for package in found["python"])


def test_settings_and_privileges_are_those_of_a_container(
    found: dict[str, Any], images: dict[str, str], run: Any
) -> None:
    """It runs as 10001; what is setuid or writable is what `find` finds, and all of it is base's."""
    privileged = in_container(run, images["echo-production"], "find / -xdev -type f -perm /6000")
    writable = in_container(run, images["echo-production"], r"find / -xdev \( -type f -o -type d \) -perm -o+w")

    assert found["settings"]["user"] == ["10001:10001"]
    assert found["settings"]["ports"] == ["8000/tcp"]
    assert [item["path"] for item in found["found"]["privileged files"]] == privileged
    assert [item["path"] for item in found["found"]["writable by anyone"]] == writable == ["/tmp"]  # noqa: S108 - the image's
    assert {item["layer"] for item in found["found"]["privileged files"]} <= {1}
    assert not [item for item in found["found"]["package managers"] if item["path"].startswith(("/app", "/usr/local"))]


def test_scanners_find_nothing_and_say_what_they_could_not_ask(found: dict[str, Any]) -> None:
    """No misconfiguration and no secret; of vulnerabilities it is said that they are not known, and what to do."""
    checked = scan(found, "misconfiguration and secrets")
    assert (checked["done"], checked["findings"]) == (True, [])
    assert scan(found, "wasted space")["done"]

    vulnerabilities = scan(found, "vulnerabilities")
    assert not vulnerabilities["done"]
    assert "database could not be reached" in vulnerabilities["summary"]
    assert "TRIVY_DB_REPOSITORY" in vulnerabilities["summary"]


def test_each_finds_what_is_wrong_with_a_mutant(
    found: dict[str, Any], mutant: str, images: dict[str, str], looked: Inspect
) -> None:
    """One that looks at nothing would find nothing, too; and two images are looked at in one go."""
    wrong, right = looked(mutant, images["echo-production"])
    findings = scan(wrong, "misconfiguration and secrets")["findings"]
    reasons = {finding["what"]: finding["text"] for finding in findings}
    leaks = [finding["text"] for finding in findings if finding["what"] == "aws-access-key-id"]
    wasted = scan(wrong, "wasted space")["findings"]

    assert right == found
    assert wrong["settings"]["user"] == ["0"]
    last = len(right["layers"]) + 1
    assert {"path": "/usr/bin/env", "why": "setuid", "layer": last} in wrong["found"]["privileged files"]
    assert "usr/share/zoneinfo" in {hidden["path"] for hidden in wrong["hidden"] if hidden["layer"] == last}
    assert "root" in reasons["DS-0002"]
    assert any(" in /app/key: " in leak for leak in leaks)
    assert any(" in the image's configuration: " in leak for leak in leaks)
    assert KEY not in json.dumps(scan(wrong, "misconfiguration and secrets"))
    assert "/usr/bin/env" in {finding["what"] for finding in wasted}


def test_what_is_not_there_is_told(images: dict[str, str], run: Any) -> None:  # noqa: ARG001 - an engine is there
    """A wrong service with the right ones, an image that was not built with what builds it."""
    wrong = run(*STAGECRAFT, "inspect", code=Exit.USAGE, env={"SERVICE": "ehco"}).stdout
    unkept = run(*STAGECRAFT, "inspect", code=Exit.USAGE, env={"STAGE": "builder"}).stdout
    no_stage = run(*STAGECRAFT, "inspect", code=Exit.USAGE, env={"STAGE": "prod"}).stdout
    absent = run(*STAGECRAFT, "inspect", code=Exit.MISSING, env={"VERSION": "0.0.0"}).stdout
    any_image = run(*STAGECRAFT, "inspect", code=Exit.MISSING, env={"IMAGE": "nobody/nothing:1"}).stdout

    assert "there is no service 'ehco'" in wrong
    assert "echo, health" in wrong
    assert "bake keeps no image of echo-builder" in unkept
    assert "bake has no target echo-prod" in no_stage
    assert "the engine has no image stagecraft/echo:0.0.0" in absent
    assert "`make build`" in absent
    assert "the engine has no image nobody/nothing:1" in any_image
