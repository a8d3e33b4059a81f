"""What is signed is verified, and nothing else is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagecraft import bake, registry, signing
from stagecraft.problem import Exit, Problem
from stagecraft.shell import quiet

REFUSED = "can't be verified: (no signatures found|no matching attestations|none of the attestations matched)"


@pytest.fixture(name="keys", scope="module", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have a pair of keys of the test's own in place of the repository's."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSIGN_PASSWORD", "of the test's own")
        quiet(signing.cosign(), "generate-key-pair", "--output-key-prefix", str(folder / "cosign"))
        patch.setenv("SIGN_KEY", str(folder / "cosign.key"))
        patch.setenv("VERIFY_KEY", str(folder / "cosign.pub"))
        patch.setenv("VERSION", "signed")
        yield folder


@pytest.fixture(name="signed", scope="module")
def _signed(engine_here: None) -> Iterator[str]:  # noqa: ARG001 - it builds with it
    """Give echo's image by digest, as it was signed."""
    bake.build("production")
    yield signing.sign("production")[0]
    quiet("docker", "rmi", *bake.images().values())


def tagged(reference: str) -> str:
    """Give the name by tag of what is signed under a digest."""
    return f"{reference.partition('@')[0]}:signed"


def test_what_is_signed_is_verified(signed: str) -> None:
    """By digest and by tag, with the statement of what it holds."""
    signing.verify([signed, tagged(signed)])


def test_another_key_verifies_nothing(signed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature is of one key."""
    quiet(signing.cosign(), "generate-key-pair", "--output-key-prefix", str(tmp_path / "other"))
    monkeypatch.setenv("VERIFY_KEY", str(tmp_path / "other.pub"))

    with pytest.raises(Problem, match=REFUSED):
        signing.verify([signed])


def test_an_unsigned_image_is_refused(signed: str, tmp_path: Path) -> None:
    """Even one that is the signed one with a line more."""
    (tmp_path / "Dockerfile").write_text(f"FROM {next(iter(bake.images().values()))}\nLABEL more=1\n")
    quiet("docker", "build", "--quiet", "--tag", "stagecraft/unsigned:test", str(tmp_path))
    (unsigned,) = registry.push(["stagecraft/unsigned:test"]).values()
    quiet("docker", "rmi", "stagecraft/unsigned:test")
    assert unsigned.partition("@")[2] != signed.partition("@")[2]

    with pytest.raises(Problem, match=REFUSED):
        signing.verify([unsigned])


def test_a_tag_that_was_moved_is_refused(signed: str) -> None:
    """Whoever may push can put another image under the tag of a signed one, which is still there by digest."""
    crane, tag = str(registry.crane()), tagged(signed)
    manifest = json.loads(quiet(crane, "manifest", signed))
    try:
        quiet(crane, "mutate", "--tag", tag, "--entrypoint", "sh", signed)
        assert quiet(crane, "digest", tag) != signed.partition("@")[2]
        with pytest.raises(Problem, match=REFUSED):
            signing.verify([tag])
        signing.verify([signed])
    finally:
        quiet(crane, "tag", signed, "signed")
    assert json.loads(quiet(crane, "manifest", tag)) == manifest


def test_another_bill_is_refused(signed: str, tmp_path: Path) -> None:
    """A signature alone is not enough: an image whose bill is signed by another key has none."""
    crane = str(registry.crane())
    copy = f"{signed.partition('@')[0]}-bare"
    quiet(crane, "copy", signed, f"{copy}:signed")
    reference = f"{copy}@{signed.partition('@')[2]}"
    with pytest.raises(Problem, match=REFUSED):
        signing.verify([reference])
    key = str(tmp_path / "other")
    quiet(signing.cosign(), "generate-key-pair", "--output-key-prefix", key)
    words = ("--yes", *signing.NO_SERVICE, *signing.NO_ROOT)
    bill = tmp_path / "bill.json"
    bill.write_text("{}")
    quiet(signing.cosign(), "sign", "--key", str(signing.key("SIGN_KEY", signing.PRIVATE)), *words, reference)
    quiet(
        signing.cosign(), "attest", "--key", f"{key}.key", *words, *signing.BILL, "--predicate", str(bill), reference
    )  # fmt: skip

    with pytest.raises(Problem, match=REFUSED):
        signing.verify([reference])


def test_without_a_key_it_says_how_to_get_one(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither signing nor verifying goes on with a key that isn't there, or with no password."""
    for variable, command in (("SIGN_KEY", "sign"), ("VERIFY_KEY", "verify")):
        said = run("make", command, env={variable: "/nonexistent", "IMAGE": "any"}, code=2).stdout
        assert "`make sign-key` makes a pair" in said
    monkeypatch.delenv("COSIGN_PASSWORD")
    with pytest.raises(Problem) as raised:
        signing.generate()
    assert raised.value.code == Exit.USAGE
