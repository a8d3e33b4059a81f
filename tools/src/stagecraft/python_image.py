"""The Python image that every service starts from: present, pulled, or made here as a stand-in."""

import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from stagecraft import apt, ca, engine
from stagecraft.console import console
from stagecraft.problem import Exit, Problem
from stagecraft.project import dockerfile_argument
from stagecraft.shell import output, quiet

# Each Python that is supported, and the release of Debian that has it.
RELEASES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
TESTING = "forky"
STAND_IN = "dev.stagecraft.stand-in"
# Of what `_mmdebstrap` puts into a stand-in, to be raised with it: one of another edition is made anew.
EDITION = "2"
# Debian's marker against pip: python's own images have none.
MARKER = "EXTERNALLY-MANAGED"


def selected() -> str:
    """Give the Python that is asked for by PYTHON_VERSION, or the Dockerfile's default.

    Raises:
        Problem: It is not one of those supported.
    """
    version = os.environ.get("PYTHON_VERSION") or dockerfile_argument("PYTHON_VERSION")
    if version not in RELEASES:
        raise Problem(
            f"PYTHON_VERSION={version} is not supported here",
            f"Choose one of {', '.join(RELEASES)}.",
            Exit.USAGE,
        )
    return version


def name(version: str) -> str:
    """Give the image's name as the Dockerfile writes it."""
    return f"python:{version}-slim"


def present(image: str) -> bool:
    """Tell whether the engine has an image."""
    return output("docker", "image", "inspect", "--format", "{{.Id}}", image) is not None


def pullable(image: str) -> bool:
    """Tell whether a registry answers for an image, within 15 s."""
    return output("docker", "buildx", "imagetools", "inspect", image, timeout=15) is not None


def stand_ins() -> list[str]:
    """Name the stand-ins that the engine has."""
    return _labelled(f"{STAND_IN}=true")


def outdated() -> list[str]:
    """Name those that lack what a stand-in has by now."""
    return sorted({*stand_ins()} - {*_labelled(f"{STAND_IN}.edition={EDITION}")})


def _labelled(label: str) -> list[str]:
    filters = ("--filter", f"label={label}", "--filter", "reference=python")
    return sorted((output("docker", "images", *filters, "--format", "{{.Repository}}:{{.Tag}}") or "").split())


def ensure() -> None:
    """Have the selected Python image: present, pulled from its registry, or made here.

    Where it is a stand-in, those of the other supported versions are made too: nothing could pull them either.

    Raises:
        Problem: It is not to be had; the advice says how to bring it.
    """
    version = selected()
    if image := os.environ.get("PYTHON_IMAGE"):
        if not present(image):
            _pull(image)
        return
    image = name(version)
    if present(image) and image not in stand_ins():
        return
    old = outdated()
    missing = [other for other in RELEASES if not present(name(other)) or name(other) in old]
    if version in missing:
        try:
            _pull(image)
        except Problem:
            _make(missing)
    elif missing and not pullable(name(missing[0])):
        _make(missing)


def _pull(image: str) -> None:
    # docker shows its progress on stdout, which is another's where `stagecraft builder` runs
    with console.status(f"pulling {image}"):
        quiet("docker", "pull", image)


def _make(versions: list[str]) -> None:
    if not apt.usable():
        raise Problem(
            f"no registry answers for {name(versions[0])}, and a stand-in is made only by root on Debian or Ubuntu",
            "Set PYTHON_IMAGE to an image that you can pull, or bring it on another way: `docker load`.",
            Exit.MISSING,
        )
    apt.ensure("mmdebstrap", "mmdebstrap", "debian-archive-keyring")
    console.print(
        f"No registry answers for {' '.join(map(name, versions))}: making stand-ins from Debian's packages,"
        " about 40 s each on a core. `make clean` removes them."
    )
    with console.status("installing packages into an empty folder"), ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_make_one, versions))


def _make_one(version: str) -> None:
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as words:
        bootstrap = subprocess.Popen(_mmdebstrap(version), stdout=subprocess.PIPE, stderr=words)
        imported = subprocess.run(
            ["docker", "import", *_changes(), "-"],
            check=False,
            stdin=bootstrap.stdout,
            stdout=subprocess.PIPE,
            stderr=words,
        )
        if bootstrap.wait() or imported.returncode:
            words.seek(0)
            raise Problem(f"the stand-in for {name(version)} could not be made", words.read()[-3000:].strip())
    # named only now: half an image would be taken for a whole one
    quiet("docker", "tag", imported.stdout.decode().strip(), name(version))
    console.print(f"made the stand-in {name(version)} in {time.monotonic() - start:.0f} s")


def _changes() -> list[str]:
    lines = [f"LABEL {STAND_IN}=true {STAND_IN}.edition={EDITION}", 'CMD ["python3"]']
    return [word for line in lines for word in ("--change", line)]


def _mmdebstrap(version: str) -> list[str]:
    release = RELEASES[version]
    # The pip that Debian bundles for its venv module, as python's own images have one too.
    pip = "PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl) python3 -m pip install --quiet --no-index"
    # Python's own images have its headers too; of Debian's package, which wants a C library's along, only those.
    headers = f"libpython{version}-dev"
    hooks = [
        f'for name in python python3; do ln -s /usr/bin/python{version} "$1/usr/local/bin/$name"; done',
        f'rm -f "$1"/usr/lib/python*/{MARKER}',
        f"chroot \"$1\" sh -c '{pip} --root-user-action ignore /usr/share/python-wheels/pip-*.whl'",
        f'cd "$1/tmp" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download --quiet=2 {headers}',
        f'dpkg-deb --fsys-tarfile "$1"/tmp/{headers}_*.deb | tar --extract --directory "$1" ./usr/include',
        f'rm "$1"/tmp/{headers}_*.deb',
    ]
    if certificates := ca.bundle():
        # So that a plain `docker build .` works behind this machine's proxy.
        hooks.append(f'cp "{certificates}" "$1{ca.DEBIAN}"')
    mirrors = [f"deb {site} {suite} main" for site, suites in apt.mirrors(release).items() for suite in suites]
    kept_out = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale")]
    return [
        "mmdebstrap", "--quiet", "--variant=minbase", *kept_out,
        '--aptopt=Acquire::Languages "none"',
        # testing's file can be past its date on a mirror
        *(['--aptopt=Acquire::Check-Valid-Until "false"'] if release == TESTING else []),
        f"--include=ca-certificates,netbase,tzdata,python{version},python{version}-venv",
        *(f"--customize-hook={hook}" for hook in hooks),
        release, "-", *mirrors,
    ]  # fmt: skip


def prepare() -> None:
    """Have what every build starts from: an engine, and in it the Python image.

    Raises:
        Problem: PYTHON_VERSION is wrong, and then nothing was done; or one of the two is not to be had.
    """
    selected()
    engine.ensure()
    ensure()
