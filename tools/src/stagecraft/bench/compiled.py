"""What compiling a module gains: compare's one source, interpreted and compiled, by the same Python of one image."""

import http.client
import json
import random
import statistics
import time
from typing import Any

from rich.progress import track

from stagecraft.bench.serve import PORT, container, wait_until_ready
from stagecraft.bench.spread import spread
from stagecraft.console import errors
from stagecraft.shell import quiet

ROUNDS = 5
REQUESTS = 10
LONG, SHORT = 1_000, 30
# As many of the longest texts as a batch may have.
LONGEST, PAIRS = 4_000, 16
NAMES = ("call", "lists", "long", "short", "batch", "diff")
SOURCE = "/src/services/compare/src"
# How the image of the builder stage, which has both, is told which to import.
WAYS = {"interpreted": ["--env", f"PYTHONPATH={SOURCE}"], "compiled": []}
# Prints the milliseconds of one call, and of the loop as one writes it without a compiler in mind.
CALL = """
import json, sys, time
from compare.compiled.distance import distance
def lists(before, after):
    row = list(range(len(after) + 1))
    for character in before:
        diagonal = row[0]
        left = row[0] = diagonal + 1
        for column, other in enumerate(after, 1):
            above = row[column]
            if character == other:
                left = diagonal
            else:
                if above < left:
                    left = above
                if diagonal < left:
                    left = diagonal
                left += 1
            row[column] = left
            diagonal = above
    return row[-1]
before, after = sys.argv[1:]
assert distance(before, after) == lists(before, after)
def milliseconds(call):
    start = time.perf_counter()
    call(before, after)
    return (time.perf_counter() - start) * 1000
print(json.dumps([milliseconds(distance), milliseconds(lists)]))
"""
SIZES = "import pathlib, compare; print(sum(p.stat().st_size for p in pathlib.Path(compare.__path__[0]).rglob('*.so')))"


def measure() -> dict[str, Any]:
    """Time both ways in turn, by a call and by requests.

    Returns:
        By way, by `call`, `lists`, `long` and `short`, milliseconds of each round; for compiled code also `batch`, of
        the largest one, and `diff`, of the slowest; and `bytes`, the size of what was compiled.
    """
    tag = "stagecraft/bench:compiled"
    quiet("docker", "build", "--target", "builder", "--build-arg", "SERVICE=compare", "--tag", tag, ".")
    found: dict[str, Any] = {way: {name: [] for name in NAMES} for way in WAYS}
    for way, words in track([*WAYS.items()] * ROUNDS, "compiled", console=errors):
        call, lists = json.loads(quiet("docker", "run", "--rm", *words, tag, "python", "-c", CALL, *_texts(LONG)))
        found[way]["call"].append(call)
        found[way]["lists"].append(lists)
        serve = ["--env", "SERVICE=compare", "--env", "LOG_LEVEL=warning", "--user", "10001:10001", *words]
        with container([*serve, tag, "gunicorn", "--config", "python:chassis.gunicorn"]):
            wait_until_ready()
            for name, length in (("long", LONG), ("short", SHORT)):
                found[way][name].append(statistics.median(_request("/compare", _pair(length)) for _ in range(REQUESTS)))
            if way == "compiled":
                found[way]["batch"].append(_request("/compare/batch", {"pairs": [_pair(LONGEST)] * PAIRS}))
                found[way]["diff"].append(_request("/compare", _lines()))
    found["bytes"] = int(quiet("docker", "run", "--rm", tag, "python", "-c", SIZES))
    quiet("docker", "rmi", tag)
    for way in WAYS:
        found[way] = {name: [round(value, 2) for value in values] for name, values in found[way].items()}
    return found


def table(found: dict[str, Any]) -> str:
    """Give the table."""
    one, other = found["interpreted"], found["compiled"]
    rows = {
        f"`distance` of two texts of {LONG:,} characters": ("call", 1),
        f"`POST /compare` of the same, {REQUESTS} one by one": ("long", 1),
        f"`POST /compare` of two texts of {SHORT}": ("short", 1),
    }
    lines = ["| ms | interpreted | compiled | times as fast |", "|---|---:|---:|---:|"]
    for words, (name, digits) in rows.items():
        factor = statistics.median(one[name]) / statistics.median(other[name])
        lines.append(f"| {words} | {spread(one[name], digits)} | {spread(other[name], digits)} | {factor:.1f} |")
    lists = one["lists"] + other["lists"]
    factor = statistics.median(lists) / statistics.median(other["call"])
    lines.append(f"| the loop as written for an interpreter, with lists | {spread(lists, 1)} | | {factor:.1f} |")
    lines.append(f"| the largest batch: {PAIRS} pairs of {LONGEST:,} characters | | {spread(other['batch'], 0)} | |")
    lines.append(f"| the slowest diff found, of two texts of {LONGEST:,} | | {spread(other['diff'], 0)} | |")
    return "\n".join([*lines, "", f"What was compiled takes {found['bytes'] / 1000:.0f} kB."])


def _texts(length: int) -> list[str]:
    chance = random.Random(length)  # noqa: S311 - no secret
    return ["".join(chance.choices("abcdefgh", k=length)) for _ in range(2)]


def _pair(length: int) -> dict[str, str]:
    return dict(zip(("before", "after"), _texts(length), strict=True))


def _lines() -> dict[str, str]:
    """Give two of the longest texts that difflib takes longest for: few lines, all of them often, and turned round."""
    lines = [chr(0x100 + number % 100) for number in range(LONGEST // 2)]
    return {"before": "\n".join(lines), "after": "\n".join(reversed(lines))}


def _request(path: str, body: dict[str, Any]) -> float:
    """Give how many milliseconds an answer takes."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    start = time.perf_counter()
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} answers {answer.status}")
    return (time.perf_counter() - start) * 1000
