"""Roll out, drain and delete for as long as it takes to have a million requests answered meanwhile."""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from rich.table import Table

from stagecraft import cluster, rollouts
from stagecraft.console import console
from stagecraft.problem import Problem
from stagecraft.project import ROOT

# How often each scenario comes in a round; together the rolling restarts are by far the most.
ROUND = ["rolling restart"] * 4 + ["another image", "pods deleted", "scaled up and down", "settings changed"]
RARE = ["nodes drained", "bad image, undone", "pod killed"]
# Nobody can serve on after SIGKILL: what this one loses is counted and shown, and is no failure of the soak.
LOSES = "pod killed"


@contextmanager
def traffic(pause: float) -> Iterator[dict[str, Any]]:
    """Have three kinds of clients ask echo while the block runs.

    Args:
        pause: Seconds that a kept connection rests between two requests.

    Yields:
        A dictionary that holds, after the block, the report of each kind of client.

    Raises:
        Problem: The clients failed.
    """
    url = next(service.url for service in cluster.published() if service.name == "echo")
    command = [sys.executable, "-m", "stagecraft.traffic", url.replace("localhost", "127.0.0.1"), str(pause)]
    report: dict[str, Any] = {}
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=words)
        try:
            yield report
        finally:
            # the end of their input, which also comes when this process is killed
            process.communicate(timeout=60)
        if process.returncode:
            why = f"the clients ended with code {process.returncode}, so nobody knows what was lost"
            raise Problem(why, "See above.")
        words.seek(0)
        report.update(json.loads(words.read()))


# A line for each event: ADDED echo-5d8f-x2x1 True
EVENT = r'{.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status}{"\n"}'


@contextmanager
def ready_seconds() -> Iterator[list[float]]:
    """Watch pods while the block runs.

    Yields:
        A list that grows by the seconds from each new pod's creation to its readiness, as a watcher of the API sees it.
    """
    found: list[float] = []
    command = ["kubectl", "--kubeconfig", cluster.kubeconfig(), "--namespace", cluster.NAMESPACE, "get", "pods"]
    command += ["--watch", "--output-watch-events", f"--output=jsonpath={EVENT}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        watcher = threading.Thread(target=_watch, args=(watching.stdout, found))
        watcher.start()
        try:
            yield found
        finally:
            watching.terminate()
            watcher.join()


def _watch(events: IO[str], found: list[float]) -> None:
    created: dict[str, float] = {}
    for line in events:
        event, name, *ready = line.split()
        if event == "ADDED" and ready != ["True"]:
            created[name] = time.monotonic()
        elif ready == ["True"] and name in created:
            found.append(time.monotonic() - created.pop(name))


def run(wanted_rollouts: int, wanted_requests: int) -> None:
    """Do every scenario again and again until both numbers are reached, and print what was lost.

    Raises:
        Problem: A request was lost.
    """
    done: Counter[str] = Counter()
    table = Table("scenario", "times", "seconds", "keep-alive", "new connection", "3 s", "lost", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    requests: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    by_scenario: dict[str, Counter[str]] = {name: Counter() for name in rollouts.SCENARIOS}
    failures: list[Any] = []
    rounds = itertools.cycle([*ROUND, *RARE, *ROUND])
    with ready_seconds() as ready:
        while _rollouts(done) < wanted_rollouts or sum(requests.values()) < wanted_requests or not done[LOSES]:
            name = next(rounds)
            started = time.monotonic()
            with traffic(pause=0) as report:
                rollouts.SCENARIOS[name][0]()
            seconds[name] += int(time.monotonic() - started)
            done[name] += 1
            for kind, found in report.items():
                by_scenario[name][kind] += found["requests"]
                requests[kind] += found["requests"]
                lost[name] += found["failures"]
                failures += [{"scenario": name, "kind": kind, **failure} for failure in found["told"]]
            console.print(
                f"{_rollouts(done):3} rollouts, {sum(requests.values()):8} requests, {_lost(lost)} lost: {name}"
            )
    rollouts.restore()
    for name, times in done.items():
        counts = [str(by_scenario[name][kind]) for kind in requests]
        table.add_row(name, str(times), str(seconds[name]), *counts, str(lost[name]))
    totals = [str(sum(done.values())), str(sum(seconds.values())), *map(str, requests.values())]
    table.add_row("in all", *totals, str(sum(lost.values())))
    console.print(table)
    cuts = statistics.quantiles(ready, n=100)
    console.print(
        f"{len(ready)} pods were ready {cuts[49]:.1f} s after their creation, 99 of 100 after {cuts[98]:.1f} s"
    )
    console.print(f"A kill lost {lost[LOSES] / done[LOSES]:.1f} requests")
    if _lost(lost):
        told = [json.dumps(failure) for failure in failures if failure["scenario"] != LOSES]
        raise Problem(f"{_lost(lost)} requests were lost", "\n".join(told))


def _lost(by_scenario: Counter[str]) -> int:
    return by_scenario.total() - by_scenario[LOSES]


def _rollouts(done: Counter[str]) -> int:
    return sum(times * rollouts.SCENARIOS[name][1] for name, times in done.items())
