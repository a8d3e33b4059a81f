"""What is said of an image, on an archive made here of two small layers."""

import io
import json
import re
import tarfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stagecraft import go
from stagecraft.inspection import archive, page, scans, terminal
from stagecraft.inspection.report import Found, Package, Report, report
from stagecraft.inspection.scans import Finding, Scan
from stagecraft.problem import Problem

SITE = "app/.venv/lib/python3.14/site-packages"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-1
Description: a library
 with a second line

Package: gone
Status: deinstall ok config-files
Version: 1
"""
HOSTILE = 'RUN <script>alert("&")</script> [red]'


def member(path: str, text: str = "", mode: int = 0o644, kind: bytes = tarfile.REGTYPE) -> Any:
    """Give a member of a layer, and its text."""
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.type = len(text), mode, kind
    if path.endswith("ping"):
        info.pax_headers = {"SCHILY.xattr.security.capability": "\1"}
    return info, text


LOWER = [
    member("bin", kind=tarfile.SYMTYPE, mode=0o777),
    member("scratch/", kind=tarfile.DIRTYPE, mode=0o1777),
    member("mail/", kind=tarfile.DIRTYPE, mode=0o2755),
    member("dev/null", kind=tarfile.CHRTYPE, mode=0o666),
    member("usr/bin/su", "12345", 0o4755),
    member("usr/bin/ping", "1", 0o755),
    member("usr/bin/sh", kind=tarfile.SYMTYPE, mode=0o777),
    member("usr/bin/pip3.14", "1234", 0o755),
    member("usr/lib/x86_64-linux-gnu/libc.so.6", "1234567"),
    member("var/lib/dpkg/status", STATUS),
    member("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6\n"),
    member("etc/overwritten", "123"),
    member("etc/removed", "12"),
    member("cache/a/file", "1" * 10),
    member("cache/b", "1" * 20),
    member("opaque/old", "1" * 40),
    member("folder/inside", "1" * 80),
]
UPPER = [
    member("./usr/bin/.wh.pip3.14"),
    member("./etc/overwritten", "1234", 0o666),
    member("./etc/.wh.removed"),
    member("./.wh.cache"),
    member("./opaque/", kind=tarfile.DIRTYPE),
    member("./opaque/new", "1"),
    member("./opaque/.wh..wh..opq"),
    member("./folder", kind=tarfile.SYMTYPE),
    member(f"./{SITE}/a_b/__init__.py", "1" * 100),
    member(f"./{SITE}/a_b/__pycache__/__init__.cpython-314.pyc", "1" * 1000),
    member(f"./{SITE}/a_b/only.pyc", "1" * 2000),
    member(f"./{SITE}/a_b-1.0.dist-info/METADATA", "Name: a-b\nVersion: 1.0\n\nVersion: not this\n"),
    member(
        f"./{SITE}/a_b-1.0.dist-info/RECORD",
        'a_b/__init__.py,sha256=x,100\na_b/only.py,,\na_b/only.pyc,,\n"../../../bin/a,b",,\n',
    ),
    member("./app/.venv/bin/a,b", "1" * 9, 0o755),
]


def tar(members: list[Any]) -> bytes:
    """Give members as an archive."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archived:
        for info, text in members:
            archived.addfile(info, io.BytesIO(text if isinstance(text, bytes) else text.encode()))
    return written.getvalue()


@pytest.fixture(name="saved")
def _saved(tmp_path: Path) -> Path:
    """Write two layers as `docker save` does."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Cmd": ["serve", "a b"], "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10_000_000_000}},
        "history": [
            {"comment": "Imported from -"},
            {"created_by": "ENV A=1", "empty_layer": True},
            {"created_by": f"{HOSTILE} # buildkit"},
        ],
    }
    files = {
        "blobs/sha256/1": tar(LOWER),
        "blobs/sha256/2": tar(UPPER),
        "blobs/sha256/c": json.dumps(config).encode(),
        "manifest.json": json.dumps(
            [{"Config": "blobs/sha256/c", "Layers": ["blobs/sha256/1", "blobs/sha256/2"]}]
        ).encode(),
    }
    path = tmp_path / "image.tar"
    members = []
    for name, content in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        members.append((info, content))
    path.write_bytes(tar(members))
    return path


@pytest.fixture(name="found")
def _found(saved: Path) -> Report:
    """Give what is said of it."""
    said = [
        Scan("vulnerabilities", "trivy 1", "the database [could] not be reached", done=False),
        Scan("secrets", "trivy 1", "1 high", [Finding("HIGH", "key", "in [/etc/key]")]),
    ]
    return report("a/b:1", archive.read(saved), said)


def test_what_a_layer_hides_is_counted_once(found: Report) -> None:
    """Overwritten, removed, in a removed or an emptied folder, or where a folder was: the rest is the file system."""
    assert {(item.path, item.size, item.layer) for item in found.hidden} == {
        ("usr/bin/pip3.14", 4, 2),
        ("etc/overwritten", 3, 2),
        ("etc/removed", 2, 2),
        ("cache", 30, 2),
        ("opaque", 40, 2),
        ("folder", 80, 2),
    }
    assert found.size == sum(info.size for info, _ in LOWER + UPPER)
    assert found.size - found.files == sum(item.size for item in found.hidden) == 159
    assert [layer.instruction for layer in found.layers] == ["Imported from -", HOSTILE]


def test_what_may_do_harm_is_named_with_its_layer(found: Report) -> None:
    """Neither links nor devices, whose modes say nothing, and no program that is removed."""
    assert found.found == {
        "privileged files": [Found("/usr/bin/ping", "capabilities", 1), Found("/usr/bin/su", "setuid", 1)],
        "writable by anyone": [Found("/etc/overwritten", "file", 2), Found("/scratch", "directory, sticky", 1)],
        "shells": [Found("/usr/bin/sh", "sh", 1)],
        "package managers": [],
    }


def test_a_package_is_its_files_and_their_bytecode(found: Report) -> None:
    """As its own record lists them; all bytes are of a package or of none, and of one kind."""
    records = sum(info.size for info, _ in UPPER if "dist-info" in info.name)

    assert found.python == [Package("a-b", "1.0", 100 + 1000 + 2000 + 9)]
    assert found.debian == [Package("libc6", "2.41-1", 7)]
    assert found.unpackaged == found.files - 3109 - 7
    assert found.kinds["bytecode"] == 1000 + 2000
    assert found.kinds["shared objects"] == 7
    assert found.kinds["code of Python packages"] == 100 + records
    assert sum(found.kinds.values()) == found.files


def test_a_setting_that_is_missing_is_said(found: Report) -> None:
    """No user means root."""
    assert found.settings["user"] == ["root, as none is set"]
    assert found.settings["command"] == ["serve 'a b'"]
    assert found.settings["health check"] == ["true", "every 10 s"]
    assert found.settings["entry point"] == []


def test_the_terminal_shows_what_was_found_and_what_was_not_asked(
    found: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    """Brackets are shown as they are."""
    terminal.show([found])
    shown = capsys.readouterr().out

    assert "root, as none is set" in shown
    assert "not known: the database [could] not be reached" in shown
    assert "in [/etc/key]" in shown
    assert "[red]" in shown


def test_a_scanner_that_fails_does_not_stop_another(monkeypatch: pytest.MonkeyPatch, saved: Path) -> None:
    """What dive would say is not known, and why; what trivy says is shown, the worst first."""

    def build(*_: object) -> Path:
        raise Problem("dive was not built", "no network")

    vulnerable = {"VulnerabilityID": "CVE-1", "Severity": "LOW", "PkgName": "a", "InstalledVersion": "1"}
    fixed = vulnerable | {"VulnerabilityID": "CVE-2", "Severity": "HIGH", "FixedVersion": "2", "Title": "bad"}
    printed = json.dumps({"Results": [{"Target": "Python", "Vulnerabilities": [vulnerable, fixed]}]})
    monkeypatch.setattr(go, "build", build)
    monkeypatch.setattr(scans, "quiet", lambda *_: printed)
    dive, misconfiguration, vulnerabilities = scans.scans(saved)

    assert (dive.done, dive.summary) == (False, "dive was not built: no network")
    assert (misconfiguration.done, misconfiguration.findings) == (True, [])
    assert vulnerabilities.summary == "1 high, 1 low"
    assert vulnerabilities.findings == [
        Finding("HIGH", "CVE-2", "a 1, fixed in 2: bad"),
        Finding("LOW", "CVE-1", "a 1, fixed in no version yet: no title"),
    ]


class Page(HTMLParser):
    """What a page is made of: its elements, each closed by its own end, and the text of its tables' heads."""

    VOID = frozenset({"br", "link", "meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.heads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "th":
            self.heads.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "th":
            self.heads[-1] += data


@pytest.mark.parametrize("number", [1, 2])
def test_the_page_needs_nothing_and_runs_nothing(found: Report, number: int) -> None:
    """Well-formed, escaped, readable on a phone and to a screen reader, light and dark; nothing is fetched."""
    text = page.render([found] * number)
    parsed = Page(text)

    assert parsed.open == []
    assert not {"script", "img", "iframe", "object"} & set(parsed.tags)
    assert [value for name, value in parsed.attributes if name in {"src", "href"}] == ["data:,"]
    assert not re.search(r"url\(|@import", text)
    assert ("lang", "en") in parsed.attributes
    assert ("name", "viewport") in parsed.attributes
    assert "prefers-color-scheme: dark" in text
    assert parsed.heads
    assert all(parsed.heads)
    assert parsed.tags.count("article") == number
    assert next(tag for tag in parsed.tags if tag in {"h1", "h2"}) == "h1"
    assert ("Side by side" in text) is (number > 1)
