"""The status page: it shows the status by itself, and the front end keeps it up to date."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from string import Template

from health.models import TargetStatus

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
$head
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body data-status="$status">
<header>
<p class="dim">health</p>
<div role="status"><h1 id="headline">$title</h1></div>
<button id="check" type="button">Check now</button>
</header>
<main>
<p id="notice" role="alert"$hidden>$notice</p>
<ul id="targets" role="list">
$targets
</ul>
<template id="target">
$template
</template>
</main>
<footer>
<p>As of <span id="updated">$now</span></p>
<p><a href="/api/status">as JSON</a></p>
</footer>
</body>
</html>
""")

# The front end fills the same slots.
TARGET = Template("""\
<li class="target" data-name="$name" data-status="$status">
<h2><span data-slot="name">$name</span> <small data-slot="optional">$optional</small></h2>
<p class="status" data-slot="status">$status</p>
<p class="dim" data-slot="url">$url</p>
<p class="latency" data-slot="latency">$latency</p>
<svg class="history" data-slot="history" aria-hidden="true" viewBox="0 0 600 40" preserveAspectRatio="none"></svg>
<p class="note dim" data-slot="note">$note</p>
<p class="foot dim"><span data-slot="checked">$checked</span><span data-slot="summary"></span></p>
</li>""")

HEAD = Template("""\
<link rel="icon" href="/assets/$icon">
<link rel="stylesheet" href="/assets/$style">
<script type="module" src="/assets/$script"></script>""")

NOT_BUILT = "This page's front end is not built, so it has no style and renews itself only when it is loaded again."


def render(statuses: Iterable[TargetStatus], files: Mapping[str, str]) -> str:
    """Make the page.

    Args:
        statuses: What is known about each target, in the order to show them.
        files: The front end's files by the names of their sources; none where it is not built.

    Returns:
        HTML without inline scripts or styles.
    """
    statuses = list(statuses)
    not_up = [status.name for status in statuses if status.status != "up"]
    title = f"Not up: {', '.join(not_up)}" if not_up else "Everything is up" if statuses else "Nothing to watch"
    states = {status.status for status in statuses}
    worst = next((state for state in ("down", "unknown") if state in states), "up")
    return PAGE.substitute(
        title=escape(title),
        head=HEAD.substitute(icon=files[f"{worst}.svg"], style=files["app.css"], script=files["app.ts"])
        if files
        else "",
        status=worst,
        hidden=" hidden" if files else "",
        notice="" if files else NOT_BUILT,
        targets="\n".join(map(_target, statuses)),
        template=TARGET.substitute(dict.fromkeys(TARGET.get_identifiers(), "")),
        now=f"{datetime.now(UTC):%H:%M:%S} UTC",
    )


def _target(status: TargetStatus) -> str:
    return TARGET.substitute(
        name=escape(status.name),
        status=status.status,
        url=escape(status.url),
        latency="" if status.latency_ms is None else f"{status.latency_ms:g} ms",
        note="" if status.last_error is None else escape(f"last error: {status.last_error}"),
        checked="not checked yet" if status.checked_at is None else f"checked {status.checked_at:%H:%M:%S} UTC",
        optional="" if status.required else "optional",
    )
