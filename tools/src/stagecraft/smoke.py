"""Curl every endpoint: the cases of services/*/smoke.yaml against wherever the services answer."""

import json
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import yaml
from rich.table import Table

from stagecraft.problem import Exit, Problem
from stagecraft.project import ROOT

# A string that begins with it is a regular expression for the whole of a value's text.
PATTERN = "~"
TIMEOUT_SECONDS = 20
METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


@dataclass(frozen=True)
class Case:
    """One request and what must come back."""

    route: str
    """The path as /openapi.json writes it; empty for one that it never lists, such as /docs."""
    method: str
    path: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    """What is sent."""
    json: Any = None
    """What is sent as JSON; `data` is sent as it is."""
    data: str | None = None
    expect: Any = None
    """What the JSON body holds: every key named here, compared as `difference` does."""
    expect_text: str | None = None
    expect_headers: dict[str, str] = field(default_factory=dict)
    switch: str | None = None
    """The variable without which a service does not have the route, and answers 404."""

    def command(self, base_url: str) -> list[str]:
        """Give the curl command, as a person would type it."""
        words = ["curl", "--include", "--silent", "--show-error", "--max-time", str(TIMEOUT_SECONDS)]
        if self.method == "HEAD":
            words.append("--head")
        elif self.method != "GET":
            words += ["--request", self.method]
        headers = self.headers | ({} if self.json is None else {"Content-Type": "application/json"})
        if base_url.startswith(("http://localhost:", "http://127.0.0.1:")):
            words += ["--noproxy", "*"]
        for name, value in headers.items():
            words += ["--header", f"{name}: {value}"]
        body = self.data if self.json is None else json.dumps(self.json)
        if body is not None:
            words += ["--data-binary", body]
        return [*words, base_url + self.path]


@dataclass(frozen=True)
class Result:
    """What became of a case."""

    case: Case
    command: str
    """The curl command, ready to be pasted into a shell."""
    milliseconds: float
    status: int | None
    complaint: str
    """What is wrong with the answer, empty for nothing."""


def cases(service: str) -> list[Case]:
    """Read the cases of a service.

    Raises:
        Problem: Its smoke.yaml is missing or not of this form.
    """
    path = ROOT / "services" / service / "smoke.yaml"
    try:
        return [_case(entry) for entry in yaml.safe_load(path.read_text())]
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise Problem(f"{path.relative_to(ROOT)} can't be read: {error}", code=Exit.USAGE) from error


def _case(entry: dict[str, Any]) -> Case:
    fields = dict(entry)
    method, _, path = str(fields.pop("request")).partition(" ")
    route = str(fields.pop("route", path.partition("?")[0]))
    return Case(route=route, method=method, path=path, **fields)


def operations(openapi: dict[str, Any]) -> set[tuple[str, str]]:
    """Give every (method, route) of an OpenAPI document, methods in capitals."""
    return {
        (method.upper(), route)
        for route, item in openapi.get("paths", {}).items()
        for method in item
        if method in METHODS
    }


def uncovered(openapi: dict[str, Any], covered: list[Case]) -> list[str]:
    """Give the operations of an OpenAPI document that no case asks for, as "METHOD route", sorted."""
    return sorted(f"{m} {r}" for m, r in operations(openapi) - {(case.method, case.route) for case in covered})


def difference(expected: Any, actual: Any, where: str = "body") -> str:
    """Say how a JSON value differs from what is expected of it, "" for not at all.

    Objects may hold more keys than expected, arrays must match item by item,
    and a string that begins with ~ is a regular expression for the whole text of a value.
    """
    match expected:
        case dict():
            if not isinstance(actual, dict):
                return f"{where} is {_short(actual)}, not an object"
            parts = (
                difference(value, actual[key], f"{where}.{key}") if key in actual else f"{where}.{key} is missing"
                for key, value in expected.items()
            )
            return next((part for part in parts if part), "")
        case list():
            if not isinstance(actual, list) or len(actual) != len(expected):
                return f"{where} is {_short(actual)}, not {len(expected)} items"
            items = (difference(*pair, f"{where}[{n}]") for n, pair in enumerate(zip(expected, actual, strict=True)))
            return next((item for item in items if item), "")
        case str() if expected.startswith(PATTERN):
            text = actual if isinstance(actual, str) else json.dumps(actual)
            return "" if re.fullmatch(expected[1:], text, re.DOTALL) else f"{where} is {_short(actual)}, not {expected}"
        case _:
            return "" if expected == actual else f"{where} is {_short(actual)}, not {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."  # noqa: PLR2004 - a table's width


def try_case(case: Case, base_url: str) -> Result:
    """Send one case with curl and look at the answer."""
    command = case.command(base_url)
    start = time.monotonic()
    done = subprocess.run(command, check=False, capture_output=True)
    milliseconds = (time.monotonic() - start) * 1000
    status, complaint = None, done.stderr.decode().strip()
    if done.returncode == 0:
        status, headers, body = _parse(done.stdout)
        complaint = _complaint(case, status, headers, body)
    return Result(case, shlex.join(command), milliseconds, status, complaint)


def _parse(answer: bytes) -> tuple[int, dict[str, str], str]:
    # an interim answer (100 Continue) comes before the one that counts
    while (head := answer.partition(b"\r\n\r\n"))[0].split(b" ", 2)[1].startswith(b"1"):
        answer = head[2]
    status_line, *lines = head[0].decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status_line.split(" ")[1]), headers, head[2].decode(errors="replace")


def _complaint(case: Case, status: int, headers: dict[str, str], body: str) -> str:
    if status != case.status:
        return f"status is {status}, not {case.status}: {_short(body)}"
    wrong = [difference(value, headers.get(name.lower()), name) for name, value in case.expect_headers.items()]
    if case.expect_text is not None:
        wrong.append(difference(case.expect_text, body))
    if case.expect is not None:
        try:
            wrong.append(difference(case.expect, json.loads(body)))
        except ValueError:
            wrong.append(f"body is not JSON: {_short(body)}")
    return "; ".join(part for part in wrong if part)


def try_service(service: str, base_url: str) -> list[Result]:
    """Try every case of a service at an address, but those of a route that is switched off there."""
    tried = [try_case(case, base_url) for case in cases(service)]
    return [result for result in tried if not (result.case.switch and result.status == HTTPStatus.NOT_FOUND)]


def table(results: dict[str, list[Result]]) -> Table:
    """Give the results, by service, as a table."""
    shown = Table("service", "request", "status", "ms", "", box=None, pad_edge=False)
    shown.columns[3].justify = "right"
    for service, tried in results.items():
        for result in tried:
            mark = "[red]failed[/]" if result.complaint else "[green]ok[/]"
            status = str(result.status or "none")
            shown.add_row(
                service, f"{result.case.method} {result.case.path}", status, f"{result.milliseconds:.0f}", mark
            )
    return shown


def failures(results: dict[str, list[Result]]) -> list[str]:
    """Give each failing case as what is wrong and the command to paste."""
    return [f"{r.complaint}\n  {r.command}" for tried in results.values() for r in tried if r.complaint]
