"""docs/operations.md is followed, command by command, in the cluster."""

from pathlib import Path
from typing import Any

import pytest

from stagecraft import cluster
from stagecraft.project import ROOT, USER_CACHE
from stagecraft.shell import quiet

OPERATIONS = ROOT / "docs" / "operations.md"


def test_its_commands_do_what_it_shows(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command ends well, and each line that is shown is among its output."""
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig())
    follow(OPERATIONS)


def test_a_kubeconfig_of_ones_own_is_not_touched(run: Any, tmp_path: Path) -> None:
    """`make kind` neither reads nor writes what KUBECONFIG and ~/.kube/config hold."""
    own = tmp_path / "config"
    own.write_text("mine")

    said = run(
        "make",
        "kind",
        env={
            "KUBECONFIG": str(own),
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(USER_CACHE.parent),
            "UV_CACHE_DIR": quiet("uv", "cache", "dir"),
        },
    ).stdout

    assert "smoke cases passed" in said
    assert own.read_text() == "mine"
    # kubectl keeps what it learns of an API server there, and no more
    assert not (tmp_path / ".kube" / "config").exists()


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("KIND_NODES=many", "is no number of nodes"),
        ("KIND_NODES=1", "Only a new cluster can have them"),
        ("KIND_ECHO_PORT=none", "is no port"),
        ("COMPONENTS=nosuch", "there is no component nosuch"),
    ],
)
def test_a_wrong_variable_is_refused(variable: str, said: str, run: Any) -> None:
    """Nothing is done, and it says what could be asked."""
    assert said in run("make", "kind", variable, code=2).stdout
