"""Every command block of README.md and docs/ is run, and what it shows is what comes out."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stagecraft import graph, timeline
from stagecraft.bench import report
from stagecraft.project import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
Run = Callable[..., subprocess.CompletedProcess[str]]
# Its commands need a cluster: tests/kind follows it.
OF_CLUSTER = ROOT / "docs" / "operations.md"

pytestmark = pytest.mark.usefixtures("engine_here")


@pytest.fixture(name="cleaned")
def _cleaned(run: Run) -> Iterator[None]:
    """Leave no container of a document behind, even if one of its commands fails."""
    yield
    run("docker", "rm", "--force", "multi-stage-app", code=None)
    run("make", "down")


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path != OF_CLUSTER], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_its_commands_do_what_it_shows(document: Path, follow: Callable[[Path], None]) -> None:
    """Each command ends well, and each line that is shown is among its output."""
    follow(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(document: Path) -> None:
    """A link to a file of the repository names one that is there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"", document.read_text())

    assert not [path for path in map("".join, targets) if not (document.parent / path).exists()]


def test_figures_are_those_that_were_measured() -> None:
    """No table was written by hand: each is what `make bench` makes of docs/report/bench.json."""
    assert {path: path.read_text() for path in report.documents()} == report.documents()


def test_the_pictures_are_drawn_from_what_they_show() -> None:
    """`make format` has been run since the Dockerfile, the shared pod or a setting changed."""
    drawn = graph.pictures() | timeline.pictures()
    assert {path: path.read_text() for path in drawn} == drawn


def test_the_readme_names_every_variable_of_the_bake_file() -> None:
    """No variable is without its line."""
    variables = re.findall(r'^variable "(\w+)"', (ROOT / "docker-bake.hcl").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()

    assert variables
    assert not [name for name in variables if f"`{name}`" not in readme]
