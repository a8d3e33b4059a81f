"""Copy those of an image's files that Python needs: `python harden.py IMAGE TO`, both as folders.

Run by the Dockerfile, with the Python of the same image. None of the files is run, so they may be of another platform.
"""

import compileall
import os
import py_compile
import shutil
import stat
import sys
import sysconfig
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

STDLIB = PurePosixPath(sysconfig.get_path("stdlib"))
# What no service uses of the standard library, as the ends of paths.
UNUSED = [
    "__phello__", "__pycache__", "_pyrepl", "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3",
    "pydoc_data", "site-packages", "test", "tests", "tkinter", "turtle.py", "turtledemo", "venv",
    "lib-dynload/_c*_test*.so", "lib-dynload/_curses*.so", "lib-dynload/*dbm.*.so", "lib-dynload/_test*.so",
    "lib-dynload/_tkinter.*.so", "lib-dynload/nis.*.so", "lib-dynload/readline.*.so", "lib-dynload/xx*.so",
]  # fmt: skip
PROGRAMS = [f"{folder}/{name}" for folder in ("/usr/local/bin", "/usr/bin") for name in ("python", "python3")]
# What Python and its libraries read, and what tells a scanner the release.
MORE = [
    "/etc/debian_version", "/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/os-release",
    "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf", "/tmp",  # noqa: S108 - its own
    "/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs", "/usr/lib/ssl/openssl.cnf",
]  # fmt: skip
# What a manylinux wheel may expect of any Linux, but for windows and graphics.
OF_WHEELS = [
    "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "librt.so.1",
    "libstdc++.so.6", "libutil.so.1",
]  # fmt: skip
# No time of a source is in it.
HASHED = py_compile.PycInvalidationMode.UNCHECKED_HASH
DPKG = PurePosixPath("/var/lib/dpkg")


class Image:
    """An image's files in a folder, and which of them are kept."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is kept yet."""
        self.folder = folder
        self.kept: set[PurePosixPath] = set()
        configured = chain.from_iterable(
            path.read_text().split() for path in sorted(folder.glob("etc/ld.so.conf.d/*.conf"))
        )
        self.library_folders = [*(line for line in configured if line.startswith("/")), "/lib", "/usr/lib"]

    def here(self, path: PurePosixPath) -> Path:
        """Give where a path of the image is on this machine."""
        return self.folder / path.relative_to("/")

    def follow(self, path: PurePosixPath) -> list[PurePosixPath]:
        """Give every link on a path, in the image's own terms, and last what it leads to."""
        passed, at, ahead = [], PurePosixPath("/"), deque(path.parts[1:])
        while ahead:
            part = ahead.popleft()
            at = at.parent if part == ".." else at / part
            if self.here(at).is_symlink():
                passed.append(at)
                target = PurePosixPath(self.here(at).readlink())
                at = PurePosixPath("/") if target.is_absolute() else at.parent
                ahead.extendleft(reversed([part for part in target.parts if part != "/"]))
        return [*passed, at]

    def keep(self, path: PurePosixPath | str) -> bool:
        """Keep a path, the links on it, and the libraries that it needs; False where it is missing."""
        passed = self.follow(PurePosixPath(path))
        found = passed[-1]
        if not self.here(found).exists():
            return False
        new = found not in self.kept
        self.kept.update(passed)
        if new and self.here(found).is_file():
            for needed in self.needs(found):
                if not any(self.keep(candidate) for candidate in needed):
                    sys.exit(f"{path} needs {needed[-1].name}, which the image lacks")
        return True

    def needs(self, path: PurePosixPath) -> Iterator[list[PurePosixPath]]:
        """Give for each library and loader that a program or library names where it may be."""
        with self.here(path).open("rb") as file:
            if file.read(4) != b"\x7fELF":
                return
            for segment in ELFFile(file).iter_segments():
                if isinstance(segment, InterpSegment):
                    yield [PurePosixPath(segment.get_interp_name())]
                if isinstance(segment, DynamicSegment):
                    # pyelftools gives a tag's text as an attribute of the tag's own name
                    tags = [(kind, getattr(tag, kind.removeprefix("DT_").lower())) for tag in segment.iter_tags()
                            if (kind := tag.entry.d_tag) in {"DT_NEEDED", "DT_RPATH", "DT_RUNPATH"}]  # fmt: skip
                    own = [text for kind, text in tags if kind != "DT_NEEDED"]
                    folders = ":".join([*own, *self.library_folders]).replace("$ORIGIN", str(path.parent)).split(":")
                    for kind, text in tags:
                        if kind == "DT_NEEDED":
                            yield [PurePosixPath(folder) / text for folder in folders]

    def standard_library(self) -> Iterator[PurePosixPath]:
        """Give every file of the standard library that a service may use."""
        top = self.here(STDLIB)
        for folder, names, files in os.walk(top):
            relative = Path(folder).relative_to(top)
            names[:] = [name for name in names if not _unused(relative / name)]
            yield from (STDLIB / relative / name for name in files if not _unused(relative / name))

    def packages(self) -> str:
        """Give dpkg's status of the packages that a kept file is from, for scanners."""
        # a package may name a file by its place before /lib became a link to /usr/lib
        kept = {str(path).removeprefix("/usr") for path in self.kept if self.here(path).is_file()}
        owners = {
            listed.name.removesuffix(".list").partition(":")[0]
            for listed in self.here(DPKG / "info").glob("*.list")
            if any(line.removeprefix("/usr") in kept for line in listed.read_text().splitlines())
        }
        stanzas = self.here(DPKG / "status").read_text().strip().split("\n\n")
        return "\n\n".join(one for one in stanzas if one.split("\n")[0].removeprefix("Package: ") in owners) + "\n"

    def write(self, target: Path) -> None:
        """Copy what is kept, with the standard library as bytecode."""
        for path in sorted(self.kept):
            for part in [*reversed(path.parents), path]:
                source, copy = self.here(part), target / part.relative_to("/")
                if os.path.lexists(copy):
                    continue
                if source.is_dir() and not source.is_symlink():
                    copy.mkdir()
                    copy.chmod(stat.S_IMODE(source.stat().st_mode))
                else:
                    shutil.copy2(source, copy, follow_symlinks=False)
        status = target / DPKG.relative_to("/") / "status"
        status.parent.mkdir(parents=True)
        status.write_text(self.packages())
        # bytecode in place of sources, which would be a sixth of the image
        library = target / STDLIB.relative_to("/")
        compileall.compile_dir(library, quiet=1, legacy=True, stripdir=str(target), workers=0, invalidation_mode=HASHED)
        for source in library.rglob("*.py"):
            source.unlink()
        time = int(os.environ["FILE_TIME"])
        for written in target.rglob("*"):
            os.utime(written, (time, time), follow_symlinks=False)


def _unused(path: Path) -> bool:
    return any(path.match(pattern) for pattern in UNUSED)


def main() -> None:
    """Choose and copy."""
    image, target = Image(Path(sys.argv[1])), Path(sys.argv[2])
    if not any([image.keep(path) for path in PROGRAMS]):  # noqa: C419 - every one is kept
        sys.exit(f"there is no Python in the image: neither of {', '.join(PROGRAMS)}")
    for path in chain(MORE, map(str, image.standard_library())):
        image.keep(path)
    for name in OF_WHEELS:
        any(image.keep(f"{folder}/{name}") for folder in image.library_folders)
    target.mkdir()
    image.write(target)


if __name__ == "__main__":
    main()
