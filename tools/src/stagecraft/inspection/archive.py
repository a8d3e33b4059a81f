"""Read an archive of `docker save`: an image's configuration, its layers, and the file system that they make."""

import json
import posixpath
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any, Literal

from stagecraft.problem import Problem
from stagecraft.shell import quiet

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
# The files whose text says which packages there are, of what, and which files are theirs.
RECORDS = re.compile(
    r"[^/]+\.dist-info/(METADATA|RECORD|WHEEL)$|^var/lib/dpkg/(status|info/[^/]+\.list)$|^usr/lib/os-release$"
)


@dataclass(frozen=True)
class Entry:
    """What a path is in the file system that the layers make."""

    size: int
    """In bytes; a hard link has none of its own."""
    mode: int
    type: Literal["file", "directory", "other"]
    """A hard link is a file; a symbolic link and a device are neither."""
    capabilities: bool
    """A file that gives whoever runs it capabilities."""
    layer: int
    """The layer that it is of, the first being 1."""


@dataclass(frozen=True)
class Layer:
    """A layer, and the instruction that made it."""

    instruction: str
    size: int
    """In bytes: of its files, one by one."""


@dataclass(frozen=True)
class Hidden:
    """Bytes of a layer that a later one hides: they are shipped, and nobody sees them."""

    path: str
    """What was overwritten or removed: a file, or a folder with all in it."""
    size: int
    layer: int
    """The layer that hides it."""


@dataclass
class Archive:
    """An image."""

    id: str
    config: dict[str, Any]
    layers: list[Layer] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    """By path, without a leading slash."""
    hidden: list[Hidden] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """The texts of RECORDS, by path."""


@contextmanager
def saved(image: str) -> Iterator[Path]:
    """Have an image of the engine as an archive, as long as the block runs.

    Raises:
        Problem: The engine has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.tar"
        quiet("docker", "save", "--output", str(path), image)
        yield path


def of(image: str) -> Archive:
    """Read an image of the engine.

    Raises:
        Problem: The engine has none, or a layer is compressed in a way that this Python can't read.
    """
    with saved(image) as path:
        return read(path)


def read(path: Path) -> Archive:
    """Read an archive of one image.

    Args:
        path: A file that `docker save` wrote.

    Raises:
        Problem: A layer is compressed in a way that this Python can't read.
    """
    with tarfile.open(path) as outer:
        (manifest,) = json.loads(_member(outer, "manifest.json").read())
        config = json.loads(_member(outer, manifest["Config"]).read())
        archive = Archive(f"sha256:{posixpath.basename(manifest['Config']).removesuffix('.json')}", config)
        history = [step for step in config.get("history", []) if not step.get("empty_layer")]
        # some builders write no history
        for name, step in zip(manifest["Layers"], chain(history, repeat({})), strict=False):
            try:
                with tarfile.open(fileobj=_member(outer, name)) as layer:
                    size = _add(archive, layer)
            except tarfile.ReadError as error:
                raise Problem(f"{name} can't be read: {error}", "zstd needs Python 3.14.") from error
            instruction = step.get("created_by") or step.get("comment") or "unknown"
            archive.layers.append(Layer(instruction.removesuffix(" # buildkit").strip(), size))
    archive.texts = {path: text for path, text in archive.texts.items() if path in archive.entries}
    return archive


def _member(archive: tarfile.TarFile, member: str | tarfile.TarInfo) -> IO[bytes]:
    opened = archive.extractfile(member)
    if opened is None:
        raise LookupError(member)
    return opened


def _add(archive: Archive, layer: tarfile.TarFile) -> int:
    """Put a layer over those below it; gives the bytes of its files."""
    added: dict[str, Entry] = {}
    removed: set[str] = set()
    number = len(archive.layers) + 1
    for member in layer:
        path = posixpath.normpath(member.name).strip("/")
        folder, name = posixpath.split(path)
        if name == OPAQUE:
            # what was in the folder, but not the folder
            removed.add(f"{folder}/")
        elif name.startswith(WHITEOUT):
            removed.add(posixpath.join(folder, name.removeprefix(WHITEOUT)))
        elif path != ".":
            capabilities = "SCHILY.xattr.security.capability" in member.pax_headers
            added[path] = Entry(member.size, member.mode, _type(member), capabilities, number)
            if member.isfile() and RECORDS.search(path):
                archive.texts[path] = _member(layer, member).read().decode(errors="replace")
    removed |= {path for path, entry in added.items() if entry.type != "directory"}
    hidden: Counter[str] = Counter()
    for path, entry in list(archive.entries.items()):
        if by := next((above for above in _above(path) if above in removed), None):
            hidden[by.rstrip("/")] += entry.size
            del archive.entries[path]
    archive.hidden += [Hidden(path, size, number) for path, size in hidden.items() if size]
    archive.entries |= added
    return sum(entry.size for entry in added.values())


def _type(member: tarfile.TarInfo) -> Literal["file", "directory", "other"]:
    if member.isdir():
        return "directory"
    return "file" if member.isfile() or member.islnk() else "other"


def _above(path: str) -> Iterator[str]:
    """Give what hides a path when it is removed: a folder, with a slash what is in it, and the path itself."""
    for end, letter in enumerate(path):
        if letter == "/":
            yield from (path[:end], path[: end + 1])
    yield path
