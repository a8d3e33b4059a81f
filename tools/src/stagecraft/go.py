"""Go, for what is published only as Go modules: this machine's, or the one that uv.lock pins."""

import re

from stagecraft.shell import output

# What deploy/kind's modules ask for.
NEEDED = (1, 26)


def command() -> list[str]:
    """Give the words to put before a command, so that it finds a Go that is new enough: none where PATH has one."""
    found = re.search(r"go(\d+)\.(\d+)", output("go", "version") or "")
    if found and (int(found[1]), int(found[2])) >= NEEDED:
        return []
    return ["uv", "run", "--quiet", "--frozen", "--isolated", "--only-group", "go"]
