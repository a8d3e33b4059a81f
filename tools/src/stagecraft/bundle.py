"""All that another machine needs to bring the cluster up without a network, in one file with checksums."""

import hashlib
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

from stagecraft import archive, bake, cluster, manifests, node_image, registry, sbom
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import CACHE, ROOT
from stagecraft.shell import output, quiet, run

PARTS = ROOT / ".bundle"
SUMS = ROOT / "SHA256SUMS"
NODE_IMAGE = f"{node_image.REPOSITORY}:bundle"
# What `make kind` needs of the workspace.
SYNC = ("--quiet", "--frozen", "--no-default-groups", "--group", "run")


def here() -> bool:
    """Tell whether this is an unpacked bundle, in which nothing is built and nothing fetched."""
    return PARTS.is_dir()


def make() -> Path:
    """Write the bundle of what is committed and of the images that are built.

    Returns:
        The path of the bundle, a tar archive of one folder.

    Raises:
        Problem: Something is not committed, since a bundle holds a commit.
    """
    if changed := output("git", "status", "--porcelain"):
        raise Problem("a bundle holds a commit, and there are changes that are none", changed, Exit.USAGE)
    name = f"stagecraft-{quiet('git', 'rev-parse', '--short', 'HEAD')}"
    target = ROOT / "dist" / f"{name}.tar"
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary) / name
        folder.mkdir()
        commit = f"{temporary}/commit.tar"
        quiet("git", "archive", "--output", commit, "HEAD")
        # by tar: Python's own module takes a filter from 3.11.4 on, and asks for one from 3.12 on
        quiet("tar", "-xf", commit, "-C", str(folder))
        _add_parts(folder)
        _add_sums(folder)
        sums = hashlib.sha256((folder / SUMS.name).read_bytes()).hexdigest()
        with tarfile.open(f"{target}.part", "w") as bundle:
            bundle.add(folder, name)
    Path(f"{target}.part").replace(target)
    size = target.stat().st_size / 1e9
    console.print(f"{target.relative_to(ROOT)}: {size:.1f} GB. The sum of its {SUMS.name}: {sums}")
    return target


def _add_parts(folder: Path) -> None:
    """Put beside the sources what a machine would else fetch, build or pull."""
    parts = folder / PARTS.name
    parts.mkdir()
    node = node_image.ensure()
    quiet("docker", "tag", node, NODE_IMAGE)
    with console.status("saving images"):
        archive.save([*bake.images(manifests.group()).values(), NODE_IMAGE], str(parts / "images.tar"))
    manifests.release()
    shutil.copy(manifests.RELEASE, folder / "stagecraft.yaml")
    sbom.write(manifests.group(), folder / "sbom")
    shutil.copy(cluster.kind(), parts / "kind")
    shutil.copy(registry.crane(), parts / "crane")
    (folder / CACHE.name / "uv").mkdir(parents=True)
    shutil.copy(shutil.which("uv") or "uv", folder / CACHE.name / "uv" / "uv")
    # an environment that is thrown away: what counts is uv's cache, filled with what it took
    with tempfile.TemporaryDirectory() as environment:
        run("uv", "sync", *SYNC, env={"UV_CACHE_DIR": str(parts / "uv-cache"), "UV_PROJECT_ENVIRONMENT": environment})
    variables = {
        "KIND_IMAGE": NODE_IMAGE,
        "PATH": f"$(CURDIR)/{PARTS.name}:$(PATH)",
        "UV_CACHE_DIR": f"$(CURDIR)/{PARTS.name}/uv-cache",
        "UV_OFFLINE": "1",
        "UV_NO_SYNC": "1",
        "UV_PYTHON": ".".join(platform.python_version_tuple()[:2]),
        "SYNC": " ".join(SYNC),
    }
    lines = ["# Written by `make bundle`: what make does otherwise in one.\n"]
    lines += [f"export {name} := {value}\n" for name, value in variables.items()]
    (folder / "bundle.mk").write_text("".join(lines))


def _add_sums(folder: Path) -> None:
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder)}\n")
    (folder / SUMS.name).write_text("".join(lines))


def load() -> None:
    """Bring the images of an unpacked bundle into the engine; its Makefile has compared the checksums before.

    Raises:
        Problem: This is no bundle.
    """
    if not here():
        raise Problem(
            "this is no bundle, so there is nothing to load",
            "`make bundle` writes one; unpack it elsewhere, and run `make load kind` there.",
            Exit.USAGE,
        )
    console.print(quiet("docker", "load", "--input", str(PARTS / "images.tar")))
