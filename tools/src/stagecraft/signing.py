"""Signatures of images by a key of ours: cosign, which deploy/signing pins, asking no service of anyone's."""

import os
import re
from pathlib import Path

from stagecraft import bake, go, manifests, registry, sbom
from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT
from stagecraft.shell import quiet

MODULE = "github.com/sigstore/cosign/v3"
PACKAGE = f"{MODULE}/cmd/cosign"
SOURCE = ROOT / "deploy" / "signing"
# Ignored by git.
KEYS = ROOT / ".keys"
PRIVATE = KEYS / "cosign.key"
PUBLIC = KEYS / "cosign.pub"
# No transparency log, no certificate authority, no clock: a key alone.
NO_SERVICE = ("--signing-config", str(SOURCE / "signing-config.json"))
NO_ROOT = ("--trusted-root", str(SOURCE / "trusted-root.json"))
BILL = ("--type", "cyclonedx")


def cosign() -> str:
    """Give the path of cosign, built from its module unless it was before.

    Raises:
        Problem: It could not be built.
    """
    return str(go.build(SOURCE, MODULE, PACKAGE))


def generate() -> None:
    """Make a pair of keys under KEYS, the private one encrypted by COSIGN_PASSWORD.

    Raises:
        Problem: There is no password, or there are keys already.
    """
    if PRIVATE.exists() or PUBLIC.exists():
        what = f"{PRIVATE.relative_to(ROOT)} is there already"
        raise Problem(what, "What it has signed needs it. Move it away for a new one.", Exit.USAGE)
    _password()
    KEYS.mkdir(mode=0o700, exist_ok=True)
    quiet(cosign(), "generate-key-pair", "--output-key-prefix", str(PRIVATE.with_suffix("")))


def _password() -> None:
    if not os.environ.get("COSIGN_PASSWORD"):
        raise Problem(
            "COSIGN_PASSWORD is not set", "It encrypts the private key: a long one, from a vault.", Exit.USAGE
        )


def references(group: str) -> dict[str, str]:
    """Give by service the reference of its image in the registry, pushing it where that is this machine's own.

    Raises:
        Problem: An image is not built, or REGISTRY has not got it.
    """
    tagged = bake.images(group)
    if manifests.elsewhere(list(tagged.values())):
        return {service: f"{image.rpartition(':')[0]}@{manifests.pushed(image)}" for service, image in tagged.items()}
    registry.up()
    found = registry.push(list(tagged.values()))
    return {service: found[image] for service, image in tagged.items()}


def sign(group: str) -> list[str]:
    """Sign the digest of every service's image, and what it holds.

    Args:
        group: Bake's group that has built them.

    Returns:
        What was signed: localhost:5001/stagecraft/echo@sha256:…

    Raises:
        Problem: There is no key, an image is not there, or cosign refuses.
    """
    chosen = key("SIGN_KEY", PRIVATE)
    if chosen == str(PRIVATE):
        _password()
    words = ("--yes", "--key", chosen, *NO_SERVICE, *NO_ROOT)
    sbom.write(group)
    signed = references(group)
    for service, reference in signed.items():
        quiet(cosign(), "sign", *words, reference)
        bill = str(sbom.path(service))
        quiet(cosign(), "attest", *words, *BILL, "--predicate", bill, reference)
    return [*signed.values()]


def verify(references: list[str]) -> None:
    """Have the signature of images verified, and that of what they hold.

    Args:
        references: By tag or by digest, in a registry.

    Raises:
        Problem: There is no key, or an image is not as it was signed.
    """
    words = ("--key", key("VERIFY_KEY", PUBLIC), "--insecure-ignore-tlog=true", *NO_ROOT)
    for reference in references:
        try:
            quiet(cosign(), "verify", *words, reference)
            quiet(cosign(), "verify-attestation", *words, *BILL, reference)
        except Problem as problem:
            why = re.findall("^Error: (.*)", problem.advice, re.MULTILINE) or [problem.advice]
            advice = "Deploy nothing of it. If you built it yourself, `make sign` signs it."
            raise Problem(f"{reference} can't be verified: {why[0]}", advice) from None


def key(variable: str, default: Path) -> str:
    """Give a key as cosign takes it: a file, or the address of one that a vault keeps, such as awskms://."""
    given = os.environ.get(variable) or str(default)
    if "://" not in given and not Path(given).is_file():
        advice = f"`make sign-key` makes a pair, or set {variable}."
        raise Problem(f"there is no key at {given}", advice, Exit.MISSING)
    return given
