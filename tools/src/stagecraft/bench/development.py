"""What the development image of echo has, and what production has in its place."""

from typing import Any

from rich.progress import track

from stagecraft.console import errors
from stagecraft.inspection import archive, report
from stagecraft.shell import quiet

STAGES = ("development", "production")
WHERE = "import echo, pathlib; print(pathlib.Path(echo.__file__).parent)"
ROWS = {
    "mb": "MB",
    "user": "user",
    "command": "command",
    "reload": "reloads on an edit",
    "code": "echo is imported from",
    "distributions": "Python distributions that the other lacks",
    "bytecode": "bytecode, MB",
    "log": "lines of the log",
    "writable": "anyone may write to",
}


def measure() -> dict[str, dict[str, Any]]:
    """Build both; give the facts of each."""
    found = {stage: _facts(stage) for stage in track(STAGES, "development", console=errors)}
    names = {stage: set(found[stage]["distributions"]) for stage in STAGES}
    for stage, other in zip(STAGES, reversed(STAGES), strict=True):
        found[stage]["distributions"] = sorted(names[stage] - names[other])
    return found


def _facts(stage: str) -> dict[str, Any]:
    tag = f"stagecraft/bench:{stage}"
    quiet("docker", "build", "--target", stage, "--tag", tag, ".")
    said = report.report(tag, archive.of(tag), scans=[])
    variables = dict(pair.split("=", 1) for pair in said.settings["environment"])
    facts = {
        "mb": round(said.size / 1e6, 1),
        "user": said.settings["user"][0],
        "command": said.settings["command"][0],
        "reload": "yes" if variables.get("UVICORN_RELOAD") == "true" else "no",
        "code": quiet("docker", "run", "--rm", tag, "python", "-c", WHERE),
        "distributions": [package.name for package in said.python],
        "bytecode": round(said.kinds.get("bytecode", 0) / 1e6, 1),
        "log": variables.get("LOG_FORMAT", "json"),
        "writable": ", ".join(item.path for item in said.found["writable by anyone"]),
    }
    quiet("docker", "rmi", tag)
    return facts


def table(found: dict[str, dict[str, Any]]) -> str:
    """Give the table."""
    lines = [f"| echo | {' | '.join(STAGES)} |", f"|---|{'---|' * len(STAGES)}"]
    for row, words in ROWS.items():
        cells = [found[stage][row] for stage in STAGES]
        lines.append(f"| {words} | {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def _cell(value: str | float | list[str]) -> str:
    return (", ".join(value) or "none") if isinstance(value, list) else str(value)
