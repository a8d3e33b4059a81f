"""`make lint` and a commit's hooks are one list."""

import shutil
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagecraft.project import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.com"))
}


def programs(package: str) -> list[str]:
    """Give the programs that a package brings."""
    return [path.name for path in distribution(package).files or [] if path.parts[-2:-1] == ("bin",)]


def test_every_linter_has_its_hook() -> None:
    """Each program of the group `lint` is some hook's, but prek, which runs them; nothing is fetched for one."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["lint"]
    (repository,) = HOOKS
    entries = " ".join(hook["entry"] for hook in repository["hooks"])
    without = [
        package
        for package in (wanted.partition(">")[0] for wanted in group)
        if (found := programs(package)) and not any(f".venv/bin/{program}" in entries for program in found)
    ]

    assert without == ["prek"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


@pytest.fixture(name="hooked")
def _hooked(run: Any, copy: Path) -> Path:
    """Give a copy of the repository with a first commit and the hooks."""
    # what mypy knows of the same files spares it half a minute
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    run("git", "init", "--quiet", cwd=copy)
    run("git", "add", "--all", cwd=copy)
    run("git", "commit", "--quiet", "--message", "First", cwd=copy, env=AUTHOR)
    run("make", "hooks", cwd=copy)
    return copy


def test_a_bad_file_is_not_committed_and_a_good_one_is(run: Any, hooked: Path) -> None:
    """Format, lint, types and YAML are refused with the tool's own words, on what is committed alone."""
    # no part of the commit, so nobody's business
    (hooked / "tests/unfinished.py").write_text("x=1\n")
    bad = {
        "services/echo/src/echo/bad.py": ('"""Bad."""\n\nimport os\n', "F401"),
        "services/echo/src/echo/form.py": ('"""Bad."""\n\nx=1\n', "would be reformatted"),
        "services/health/src/health/types.py": ('"""Bad."""\n\nLIMIT: int = "1"\n', "Incompatible types in assignment"),
        "deploy/bad.yaml": ("a:   1\n", "too many spaces"),
    }
    for name, (text, _) in bad.items():
        (hooked / name).write_text(text)
    run("git", "add", *bad, cwd=hooked)
    said = run("git", "commit", "--message", "Bad", cwd=hooked, env=AUTHOR, code=1).stdout
    assert not [words for _, words in bad.values() if words not in said], said
    assert "unfinished.py" not in said

    run("git", "rm", "--quiet", "--force", *bad, cwd=hooked)
    (hooked / "services/echo/src/echo/good.py").write_text('"""Good."""\n\nLIMIT = 1\n')
    run("git", "add", "services/echo/src/echo/good.py", cwd=hooked)
    run("git", "commit", "--message", "Good", cwd=hooked, env=AUTHOR)
    assert run("git", "log", "--format=%s", cwd=hooked).stdout.split() == ["Good", "First"]
    assert (hooked / "tests/unfinished.py").exists()


def test_lint_sees_files_that_git_does_not_know_yet(run: Any, hooked: Path) -> None:
    """`make lint` refuses a new file before it is added, and takes no part of what git ignores."""
    (hooked / "dist").mkdir()
    (hooked / "dist/rendered.yaml").write_text("a:   1\n")
    run("make", "lint", cwd=hooked)
    (hooked / "tests/new.py").write_text("x=1\n")

    assert "would be reformatted" in run("make", "lint", cwd=hooked, code=2).stdout
