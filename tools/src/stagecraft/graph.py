"""The stage graph as a picture, drawn from the Dockerfile."""

import re
import textwrap
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from stagecraft.project import ROOT

PICTURES = {theme: ROOT / "docs" / f"stages-{theme}.svg" for theme in ("light", "dark")}
COLOURS = {
    "light": {"ink": "#1f2328", "quiet": "#59636e", "line": "#818b98", "box": "#f6f8fa", "ships": "#ddf4ff"},
    "dark": {"ink": "#f0f6fc", "quiet": "#9198a1", "line": "#656c76", "box": "#151b23", "ships": "#0c2d6b"},
}
# Stages that only hand something on: drawn, they would hide the others.
STEPS = {"editable", "needed", "own", "python", "rootfs", "uv"}
EDGE = {"light": "#0969da", "dark": "#4493f8"}
WIDTH, HEIGHT, GAP_X, GAP_Y, LINE = 248, 92, 64, 22, 16
FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', sans-serif"


@dataclass
class Stage:
    """A stage of the Dockerfile."""

    name: str
    origin: str
    """The stage that it starts from, empty for an image."""
    words: str
    """What the comment above it says, the name left out."""
    copies: list[str] = field(default_factory=list)
    """The stages whose files it copies or mounts."""


def stages(dockerfile: str) -> list[Stage]:
    """Read the stages of a Dockerfile, in its order.

    The comment above a FROM describes its stage. Those of STEPS are left out: what uses one starts from what it does.
    """
    found: dict[str, Stage] = {}
    comment = ""
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    for line in dockerfile.splitlines():
        if made := re.match(r"FROM (?:--platform=\S+ )?(\S+) AS (\S+)", line):
            origin, name = made.groups()
            origin = re.sub(r"^\$\{(\w+)\}$", lambda variable: defaults[variable[1]], origin)
            found[name] = Stage(name, origin if origin in found else "", comment)
        elif found and (copied := re.search(r"COPY .*--from=(\S+)|--mount=\S*\bfrom=(\w+)", line)):
            list(found.values())[-1].copies.append(copied[1] or copied[2])
        comment = line.removeprefix("# ") if line.startswith("# ") else ""
    shown = [stage for stage in found.values() if stage.name not in STEPS]
    return [_without_steps(stage, found, {one.name for one in shown}) for stage in shown]


def _without_steps(stage: Stage, found: dict[str, Stage], shown: set[str]) -> Stage:
    def seen(name: str) -> list[str]:
        if not name or name in shown:
            return [name] if name else []
        return [end for near in (found[name].origin, *found[name].copies) for end in seen(near)]

    origin = stage.origin if stage.origin in shown else ""
    copies = [end for name in (*stage.copies, *([] if origin else [stage.origin])) for end in seen(name)]
    words = stage.words.removeprefix(f"{stage.name} ")
    return Stage(stage.name, origin, words, [name for name in dict.fromkeys(copies) if name != origin])


def draw(found: list[Stage], theme: str) -> str:
    """Draw stages as an SVG; solid edges are FROM, dashed ones COPY --from, and the last stage stands out."""
    places = _places(found)
    colour = COLOURS[theme] | {"edge": EDGE[theme]}
    width = max(x for x, _ in places.values()) + WIDTH + 1
    foot = max(y for _, y in places.values()) + HEIGHT + GAP_Y
    height = foot + LINE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"',
        f'  font-family="{FONT}" role="img" aria-label="The stages of the Dockerfile">',
        '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        f'  <path d="M0 0 8 4 0 8z" fill="{colour["edge"]}"/></marker>',
    ]
    for stage in found:
        if stage.origin:
            parts.append(_edge(places[stage.origin], places[stage.name], colour["edge"], dashed=False))
        parts += [_edge(places[origin], places[stage.name], colour["edge"], dashed=True) for origin in stage.copies]
    for stage in found:
        parts += _box(stage, places[stage.name], colour, ships=stage is found[-1])
    parts += _legend(colour, foot)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(found: list[Stage]) -> dict[str, tuple[int, int]]:
    # a column is the number of steps from a first stage, a row the free one nearest to those that lead there
    places: dict[str, tuple[int, int]] = {}
    for stage in found:
        before = [places[name] for name in filter(None, [stage.origin, *stage.copies])]
        column = max((column + 1 for column, _ in before), default=0)
        wanted = sum(row for _, row in before) / len(before) if before else 0
        free = [row for row in range(len(found)) if (column, row) not in places.values()]
        places[stage.name] = (column, min(free, key=lambda row, wanted=wanted: abs(row - wanted)))  # type: ignore[misc]
    return {name: (column * (WIDTH + GAP_X) + 1, row * (HEIGHT + GAP_Y) + 1) for name, (column, row) in places.items()}


def _edge(start: tuple[int, int], end: tuple[int, int], colour: str, *, dashed: bool) -> str:
    x1, y1 = start[0] + WIDTH, start[1] + HEIGHT // 2
    x2, y2 = end[0], end[1] + (HEIGHT // 4 if dashed else HEIGHT // 2)
    if x2 - x1 > GAP_X:  # past the columns between, in the gap over the lower of the two
        over = max(start[1], end[1]) - GAP_Y // 2
        path = f"M{x1} {y1}H{x1 + GAP_X // 4}V{over}H{x2 - GAP_X // 4}V{y2}H{x2}"
    else:
        path = f"M{x1} {y1}H{x1 + GAP_X // 2}V{y2}H{x2}"
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"{_dash(dashed)}'
        ' marker-end="url(#arrow)"/>'
    )


def _dash(dashed: bool) -> str:  # noqa: FBT001 - it has no other argument
    return ' stroke-dasharray="5 4"' if dashed else ""


def _text(x: int, y: int, words: str, colour: str, *, size: int = 12, weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words)}</text>'


def _box(stage: Stage, place: tuple[int, int], colour: dict[str, str], *, ships: bool) -> list[str]:
    x, y = place
    fill = colour["ships" if ships else "box"]
    return [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="{colour["line"]}"/>',
        _text(x + 14, y + 25, stage.name, colour["ink"], size=15, weight=600),
        *(
            _text(x + 14, y + 46 + number * LINE, line, colour["quiet"])
            for number, line in enumerate(textwrap.wrap(stage.words, 36))
        ),
    ]


def _legend(colour: dict[str, str], y: int) -> list[str]:
    parts = []
    for column, (words, dashed) in enumerate([("FROM", False), ("COPY --from, or a mount", True)]):
        x = 15 + column * 130
        parts.append(f'<path d="M{x} {y}h36" stroke="{colour["edge"]}" stroke-width="1.5"{_dash(dashed)}/>')
        parts.append(_text(x + 48, y + 4, words, colour["quiet"]))
    return parts


def pictures() -> dict[Path, str]:
    """Give each picture's path and what it must hold."""
    found = stages((ROOT / "Dockerfile").read_text())
    return {path: draw(found, theme) for theme, path in PICTURES.items()}
