"""The status page."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from string import Template

from health.models import TargetStatus

STYLE = """\
:root { color-scheme: light dark; --ink: #1a2330; --dim: #64748b; --line: #e2e8f0; --card: #fff; --ground: #f6f8fa;
  --up: #15803d; --down: #b91c1c; --unknown: #a16207 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #93a1b3; --line: #2c3644; --card: #161d27;
  --ground: #0d1219; --up: #4ade80; --down: #f87171; --unknown: #fbbf24 } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 0 1.5rem }
ul { list-style: none; margin: 0; padding: 0 }
li { display: grid; grid-template-columns: 1fr auto; gap: .1rem 1rem; margin: 0 0 .75rem; padding: .9rem 1.1rem;
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--state); border-radius: .5rem }
li > :nth-child(even) { text-align: end }
strong { font-size: 1.05rem }
b { color: var(--state) }
a { color: inherit }
small, footer { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere }
.up { --state: var(--up) } .down { --state: var(--down) } .unknown { --state: var(--unknown) }
"""

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>$title</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>$title</h1>
<ul>
$targets
</ul>
<footer>$now · <a href="/api/status">as JSON</a></footer>
</main>
</body>
</html>
""")

TARGET = Template("""\
<li class="$status"><strong>$name</strong> <b>$status</b>
<small>$url</small> <small>$latency</small>
<small>$note</small> <small>$checked</small></li>""")


def render(statuses: Iterable[TargetStatus]) -> str:
    """Make the page.

    Args:
        statuses: What is known about each target, in the order to show them.

    Returns:
        HTML without scripts or inline styles.
    """
    statuses = list(statuses)
    not_up = [status.name for status in statuses if status.status != "up"]
    title = f"Not up: {', '.join(not_up)}" if not_up else "Everything is up" if statuses else "Nothing to watch"
    return PAGE.substitute(
        title=escape(title),
        targets="\n".join(map(_target, statuses)),
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    )


def _target(status: TargetStatus) -> str:
    return TARGET.substitute(
        name=escape(status.name),
        status=status.status,
        url=escape(status.url),
        latency="" if status.latency_ms is None else f"{status.latency_ms:g} ms",
        note="" if status.last_error is None else escape(f"last error: {status.last_error}"),
        checked="" if status.checked_at is None else f"{status.checked_at:%H:%M:%S}",
    )
