"""Every command block of README.md and docs/ is run, and what it shows is what comes out."""

import base64
import json
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
# tests/kind follows what needs a cluster, tests/full what compiles a program first.
ELSEWHERE = {ROOT / "docs" / name for name in ("operations.md", "patterns/provenance.md", "patterns/remote-cache.md")}

# What a block of a language is quoted from.
QUOTED = {"dockerfile": "**/*Dockerfile*", "hcl": "*.hcl"}

pytestmark = pytest.mark.usefixtures("engine_here")


def quoted(document: Path) -> Iterator[tuple[str, str]]:
    """Give each block of a document that is quoted from a file, with the pattern of the files it may be from."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    yield from ((QUOTED[language], text) for language, text in fences if language in QUOTED)


def quotes(block: str, text: str) -> bool:
    """Tell whether whole lines of a text are a block; a line `…` of it is any lines."""
    pieces = map(re.escape, re.split(r"^ *…\n", block, flags=re.MULTILINE))
    return re.search("^" + r"(?:.*\n)*?".join(pieces), text, re.MULTILINE) is not None


@pytest.fixture(name="cleaned")
def _cleaned(run: Run) -> Iterator[None]:
    """Leave no container of a document behind, even if one of its commands fails."""
    yield
    run("docker", "rm", "--force", "multi-stage-app", code=None)
    run("make", "down")


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if path not in ELSEWHERE],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_its_commands_do_what_it_shows(document: Path, follow: Callable[[Path], None]) -> None:
    """Each command ends well, and each line that is shown is among its output."""
    follow(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(document: Path) -> None:
    """A link to a file of the repository names one that is there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"", document.read_text())

    assert not [path for path in map("".join, targets) if not (document.parent / path).exists()]


def test_the_index_lists_every_pattern_by_its_title() -> None:
    """Each page of docs/patterns has one line there, under the name that it gives itself."""
    index = ROOT / "docs" / "patterns" / "README.md"
    listed = [(name, title) for title, name in re.findall(r"^\| \[(.+)\]\((.+)\) \|", index.read_text(), re.MULTILINE)]
    pages = [path for path in index.parent.glob("*.md") if path != index]

    assert sorted(listed) == sorted((path.name, path.read_text().partition("\n")[0][2:]) for path in pages)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_quotes_are_in_the_files(document: Path, run: Run) -> None:
    """A block of a Dockerfile or a bake file is there, line by line, in one that git has."""
    for pattern, block in quoted(document):
        files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", f":(glob){pattern}").stdout
        assert any(quotes(block, (ROOT / name).read_text()) for name in files.splitlines()), block


def test_a_quote_is_of_whole_lines() -> None:
    """Neither a part of a line nor another order will do, and only `…` leaves lines out."""
    text = "FROM scratch\nENV A=1\nCOPY a b\n"

    assert quotes("FROM scratch\nENV A=1\n", text)
    assert quotes("FROM scratch\n…\nCOPY a b\n", text)
    assert not quotes("FROM scratch\nCOPY a b\n", text)
    assert not quotes("FROM scr\n", text)
    assert not quotes("scratch\n", text)
    assert not quotes("COPY a b\n…\nENV A=1\n", text)


@pytest.fixture(name="measured", scope="module")
def _measured() -> dict[Path, str]:
    """Make anew what follows from docs/report/bench.json."""
    return report.documents()


def test_figures_are_those_that_were_measured(measured: dict[Path, str]) -> None:
    """No table is missing or was written by hand: each is what `make bench` makes of docs/report/bench.json."""
    wanted = {mark[1] for path in DOCUMENTS for mark in report.MARKED.finditer(path.read_text())}

    assert wanted <= set(json.loads(report.RESULT.read_text()))
    assert {path: path.read_text() for path in measured} == measured


def test_the_report_has_nothing_else(measured: dict[Path, str]) -> None:
    """Each part is in it, and no file of a chart that is no longer drawn."""
    folder = report.RESULT.parent

    assert set(report.PARTS) == set(json.loads(report.RESULT.read_text()))
    assert {*folder.iterdir()} == {path for path in measured if path.parent == folder} | {report.RESULT}


def test_what_an_image_consists_of_adds_up() -> None:
    """By origin and by layer, every megabyte of an image is counted once."""
    for image in json.loads(report.RESULT.read_text())["images"]["found"]:
        assert sum(image["origins"].values()) == pytest.approx(image["mb"], abs=0.2), image
        assert sum(layer["mb"] for layer in image["layers"]) == pytest.approx(image["mb"], abs=0.2), image


def test_the_page_of_the_report_needs_nothing_else() -> None:
    """Every chart of the report is in the page itself, in both themes; it loads nothing and runs nothing."""
    folder = report.RESULT.parent
    pictures = r'(?:src|srcset)="([^"]+)"'
    page = (folder / "index.html").read_text()
    shown = [base64.b64decode(found.rpartition(",")[2]) for found in re.findall(pictures, page)]

    assert shown
    assert shown == [(folder / name).read_bytes() for name in re.findall(pictures, (folder / "README.md").read_text())]
    assert not re.search(r"<(script|link rel=.stylesheet|iframe)|url\(|@import", page)


def test_charts_are_read_by_all(measured: dict[Path, str]) -> None:
    """Each is named by what it shows, says so where it stands, and holds nothing but a picture."""
    charts = {path: text for path, text in measured.items() if path.suffix == ".svg"}
    said = re.findall(r'<img alt="([^"]+)"', measured[report.RESULT.parent / "README.md"])

    assert charts
    for text in charts.values():
        (words,) = re.findall(r'<svg role="img" aria-label="([^"]+)"', text)
        assert words in said
        assert re.search(r"\d", words)
        assert not re.search(r"<(script|image|foreignObject)|href=|NaN|undefined", text)


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
