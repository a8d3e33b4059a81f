"""`make kind VERIFY=true` deploys what is signed, and nothing else."""

import sys
from pathlib import Path
from typing import Any

import pytest

from stagecraft import bake, manifests, signing
from stagecraft.shell import quiet


def test_only_what_is_signed_is_deployed(
    *, run: Any, get: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unsigned image ends it before anything is applied; once it is signed, the same command deploys it."""
    monkeypatch.setenv("COSIGN_PASSWORD", "of the test's own")
    quiet(signing.cosign(), "generate-key-pair", "--output-key-prefix", str(tmp_path / "cosign"))
    monkeypatch.setenv("SIGN_KEY", str(tmp_path / "cosign.key"))
    monkeypatch.setenv("VERIFY_KEY", str(tmp_path / "cosign.pub"))
    # another version is another label, and so another digest
    monkeypatch.setenv("VERSION", "signed")
    monkeypatch.setenv("COMPONENTS", "")
    kind = (sys.executable, "-m", "stagecraft", "kind")
    before = {item["metadata"]["name"]: item["metadata"]["generation"] for item in get("deployments")["items"]}

    refused = run(*kind, env={"VERIFY": "true"}, code=1).stdout
    assert "can't be verified: no signatures found" in refused
    after = {item["metadata"]["name"]: item["metadata"]["generation"] for item in get("deployments")["items"]}
    assert after == before

    signed = signing.sign(manifests.group())
    run(*kind, env={"VERIFY": "true"})
    deployed = {item["spec"]["template"]["spec"]["containers"][0]["image"] for item in get("deployments")["items"]}
    assert deployed == set(signed)

    monkeypatch.delenv("VERSION")
    run(*kind)
    monkeypatch.setenv("VERSION", "signed")
    quiet("docker", "rmi", *bake.images().values())
