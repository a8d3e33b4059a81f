"""What happens to a pod from its deletion to its end, as a picture: in the seconds that pod.yaml and chassis set."""

import re
from html import escape
from pathlib import Path

import yaml

from stagecraft.graph import COLOURS, EDGE, FONT
from stagecraft.project import ROOT

PICTURES = {theme: ROOT / "docs" / f"rollout-{theme}.svg" for theme in ("light", "dark")}
LEFT, TOP, ROW, SECOND, WIDTH = 190, 40, 44, 14, 790
# Until every node has been told; what the tests see is less.
TOLD_SECONDS = 2


def phases() -> tuple[list[tuple[str, str, int, int]], int]:
    """Give (name, what happens, from, to) of each phase in seconds since the deletion, and when SIGKILL would come."""
    spec = yaml.safe_load((ROOT / "deploy" / "base" / "pod.yaml").read_text())["spec"]["template"]["spec"]
    sleep = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    config = (ROOT / "libs" / "chassis" / "src" / "chassis" / "config.py").read_text()
    drain, graceful, lifespan = (
        int(found[1])
        for name in ("    drain_seconds: .*", "    graceful_seconds: .*", "LIFESPAN_SECONDS")
        if (found := re.search(rf"^{name} = (\d+)$", config, re.MULTILINE))
    )
    stop = sleep + drain
    return [
        ("endpoint removed", "every node stops sending new connections here", 0, TOLD_SECONDS),
        ("preStop sleep", "the process knows nothing yet, and serves as ever", 0, sleep),
        ("drain, from SIGTERM", "/readyz 503, /livez 200, Connection: close on each answer", sleep, stop),
        ("finish", "no new connection; requests in flight are answered", stop, stop + graceful),
        ("lifespan", "the application tidies up, and exits with 0", stop + graceful, stop + graceful + lifespan),
    ], spec["terminationGracePeriodSeconds"]


def draw(theme: str) -> str:
    """Draw the phases as an SVG: a row each, and at the end of the grace period SIGKILL, which nobody should meet."""
    colour = COLOURS[theme] | {"edge": EDGE[theme]}
    found, kill = phases()
    height = TOP + ROW * len(found) + 26
    text = '<text x="{}" y="{}" font-size="{}" font-weight="{}" fill="{}" text-anchor="{}">{}</text>'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"',
        f'  font-family="{FONT}" role="img" aria-label="From the deletion of a pod to its end, in seconds">',
    ]
    for second in range(0, kill + 1, 5):
        x = LEFT + second * SECOND
        parts.append(f'<path d="M{x} {TOP - 12}V{height - 20}" stroke="{colour["line"]}" stroke-opacity=".35"/>')
        parts.append(text.format(x, TOP - 20, 11, 400, colour["quiet"], "middle", f"{second} s"))
    for row, (name, words, start, end) in enumerate(found):
        x, y = LEFT + start * SECOND, TOP + row * ROW
        parts.append(
            f'<rect x="{x}" y="{y}" width="{(end - start) * SECOND}" height="18" rx="4" fill="{colour["ships"]}"'
            f' stroke="{colour["edge"]}"/>'
        )
        parts.append(text.format(LEFT - 12, y + 14, 13, 600, colour["ink"], "end", escape(name)))
        # beside the bar's foot, to the left where it would leave the picture
        anchor, at = ("start", x) if start * SECOND < WIDTH // 3 else ("end", LEFT + kill * SECOND)
        parts.append(text.format(at, y + 33, 11, 400, colour["quiet"], anchor, escape(words)))
    x = LEFT + kill * SECOND
    parts.append(f'<path d="M{x} {TOP - 12}V{height - 20}" stroke="{colour["edge"]}" stroke-dasharray="5 4"/>')
    parts.append(text.format(x, height - 6, 11, 600, colour["ink"], "end", f"SIGKILL after {kill} s"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def pictures() -> dict[Path, str]:
    """Give each picture's path and what it must hold."""
    return {path: draw(theme) for theme, path in PICTURES.items()}
