"""Every command block of README.md and docs/ is run, and what it shows is what comes out."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stagecraft import bench, graph
from stagecraft.project import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
Run = Callable[..., subprocess.CompletedProcess[str]]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Shown, but not run by the tests that it runs.
ITSELF = "make test"

pytestmark = pytest.mark.usefixtures("engine_here")


def commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    """Give each command of a document's console blocks, with the lines that it shows of the output."""
    for language, text in BLOCK.findall(document.read_text()):
        if language != "console":
            continue
        for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = entry.splitlines()
            end = next(number for number, line in enumerate(lines) if not line.endswith("\\")) + 1
            yield "\n".join(lines[:end]), [line for line in lines[end:] if line.strip() not in {"", "…"}]


def shown_in(line: str, output: list[str]) -> bool:
    """Tell whether a line of a document is among the output: `…` is anything, and milliseconds are any number."""
    parts = re.split(r"…|(?<=\s)\d+(?=  ok)", line.strip())
    pattern = ".*".join(re.escape(part) for part in parts)
    return any(re.fullmatch(pattern, other.strip()) for other in output)


@pytest.fixture(name="cleaned")
def _cleaned(run: Run) -> Iterator[None]:
    """Leave no container of a document behind, even if one of its commands fails."""
    yield
    run("docker", "rm", "--force", "multi-stage-app", code=None)
    run("make", "down")


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_commands_do_what_it_shows(document: Path) -> None:
    """Each command ends well, and each line that is shown is among its output."""
    for command, shown in commands(document):
        if command == ITSELF:
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            check=False, cwd=ROOT, env=os.environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{document.name}: {command}\n{done.stdout}"
        missing = [line for line in shown if not shown_in(line, done.stdout.splitlines())]
        assert not missing, f"{document.name}: {command} does not print {missing}, but:\n{done.stdout}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(document: Path) -> None:
    """A link to a file of the repository names one that is there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"", document.read_text())

    assert not [path for path in map("".join, targets) if not (document.parent / path).exists()]


def test_figures_are_those_that_were_measured() -> None:
    """No table was written by hand: each is what `make bench` makes of docs/bench.json."""
    assert {path: path.read_text() for path in bench.DOCUMENTS} == bench.documents()


def test_the_stage_graph_is_drawn_from_the_dockerfile() -> None:
    """`make format` has been run since the Dockerfile changed."""
    assert {path: path.read_text() for path in graph.PICTURES.values()} == graph.pictures()


def test_the_readme_names_every_variable_of_the_bake_file() -> None:
    """No variable is without its line."""
    variables = re.findall(r'^variable "(\w+)"', (ROOT / "docker-bake.hcl").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()

    assert variables
    assert not [name for name in variables if f"`{name}`" not in readme]
