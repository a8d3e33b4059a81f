"""Fetch the uv that uv.lock pins: `python3 tools/get_uv.py FOLDER` leaves FOLDER/uv, checked by its hash.

Only the standard library and no pip, so that it runs on a bare Debian and in the stage uv alike. Of a private
index it is fetched with what the netrc file has for its host, as uv fetches all else.
"""

import base64
import hashlib
import io
import netrc
import os
import platform
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

# What a wheel's file name says of the platform: (system, machine) -> the words it must have.
PLATFORMS = {
    ("Linux", "x86_64"): ("manylinux", "x86_64"),
    ("Linux", "aarch64"): ("manylinux", "aarch64"),
    ("Darwin", "x86_64"): ("macosx", "x86_64"),
    ("Darwin", "arm64"): ("macosx", "arm64"),
}


def wheel(lock: Path, system: str, machine: str) -> tuple[str, str, str]:
    """Find uv's wheel for a platform in a lock file: its version, address and SHA-256."""
    (package,) = (entry for entry in tomllib.loads(lock.read_text())["package"] if entry["name"] == "uv")
    words = PLATFORMS.get((system, machine))
    for entry in package["wheels"] if words else []:
        if all(word in entry["url"].rsplit("/", 1)[1] for word in words or ()):
            return package["version"], entry["url"], entry["hash"].removeprefix("sha256:")
    sys.exit(f"uv.lock has no uv {package['version']} for {system} {machine}: install that version yourself")


def request(url: str) -> urllib.request.Request:
    """Ask for an address with the name and the token that NETRC, or else ~/.netrc, has for its host."""
    asked = urllib.request.Request(url)  # noqa: S310 - https, from our own lock
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    known = netrc.netrc(path).authenticators(urllib.parse.urlsplit(url).hostname or "") if path.is_file() else None
    if known:
        words = base64.b64encode(f"{known[0]}:{known[2]}".encode()).decode()
        # not for the host that a redirect may lead to
        asked.add_unredirected_header("Authorization", f"Basic {words}")
    return asked


def main(folder: Path) -> None:
    """Leave the pinned uv in a folder; exits with a message where it can't be had."""
    version, url, sha256 = wheel(Path("uv.lock"), platform.system(), platform.machine())
    print(f"fetching uv {version}", file=sys.stderr)
    try:
        with urllib.request.urlopen(request(url), timeout=60) as answer:  # noqa: S310 - as above
            content = answer.read()
    except (urllib.error.URLError, TimeoutError, netrc.NetrcParseError) as error:
        advice = "behind a proxy set HTTPS_PROXY and SSL_CERT_FILE, for a private index NETRC, or install it"
        sys.exit(f"can't fetch uv {version} ({error}): {advice}")
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"uv {version} is not what uv.lock says (SHA-256 differs): something on the way changed it")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (folder / "uv").write_bytes(archive.read(f"uv-{version}.data/scripts/uv"))
    (folder / "uv").chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
