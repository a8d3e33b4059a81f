"""What was measured as pictures: Vega-Lite's descriptions, drawn by vl-convert, which `uv.lock` pins."""

import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from stagecraft.bench import images, services
from stagecraft.graph import COLOURS
from stagecraft.shell import quiet

# Its font is in the library itself, so that the same picture comes out on every machine; Arial is as wide.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
DRAW = (
    "import json, sys, vl_convert; "
    "json.dump([vl_convert.vegalite_to_svg(chart, vl_version='6.4') for chart in json.load(sys.stdin)], sys.stdout)"
)
# For what stands side by side, in its order; text on it has the colour of the ground.
PALETTE = {
    "light": ["#6e7781", "#0969da", "#9a6700", "#8250df", "#cf222e", "#1b7c83", "#1a7f37", "#bf3989"],
    "dark": ["#9198a1", "#4493f8", "#d29922", "#ab7df8", "#f85149", "#39c5cf", "#3fb950", "#f778ba"],
}
GROUND = {"light": "#ffffff", "dark": "#0d1117"}
WIDTH = 560
# A smaller layer is not drawn, and a smaller part of a column has no figure in it.
DRAWN_MB, FIGURE_MB = 1, 20


@dataclass(frozen=True)
class Chart:
    """A picture of what a part found."""

    name: str
    """Its files' names begin so."""
    gist: str
    """What it shows, in words and figures."""
    description: dict[str, Any]
    """In Vega-Lite, without colours of a theme."""


def of(part: str, found: Any) -> list[Chart]:
    """Give the charts of a part, by what it found."""
    return [draw(found) for draw in CHARTS.get(part, [])]


def pictures(charts: Iterable[Chart]) -> dict[str, str]:
    """Draw charts.

    Returns:
        By the name of its file each as an SVG, in both themes.

    Raises:
        Problem: What draws is not to be had.
    """
    wanted = {f"{chart.name}-{theme}.svg": (chart, theme) for chart in charts for theme in COLOURS}
    described = [chart.description | {"config": _config(theme)} for chart, theme in wanted.values()]
    vl_convert = ("uv", "run", "--quiet", "--frozen", "--isolated", "--only-group", "charts", "python", "-c", DRAW)
    drawn = json.loads(quiet(*vl_convert, stdin=json.dumps(described)))
    return {name: _named(svg, chart.gist) for (name, (chart, _)), svg in zip(wanted.items(), drawn, strict=True)}


def _named(svg: str, gist: str) -> str:
    """Name a picture as a whole, and leave out what only scripts and styles would ask its parts for."""
    svg = re.sub(r' (?:aria-[a-z]+|class|pointer-events|role)="[^"]*"| opacity="1"', "", svg)
    svg = re.sub(r'<path d="[^"]*"(?: display="none")?/>', "", svg)
    # in lines, for whoever compares two
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(gist)}"', 1).replace("><", ">\n<") + "\n"


def _config(theme: str) -> dict[str, Any]:
    colour = COLOURS[theme]
    words = {"labelColor": colour["ink"], "titleColor": colour["quiet"], "labelFontSize": 12, "titleFontSize": 12}
    return {
        # the picture has a name, and its figures are in a table
        "aria": False,
        "axis": words | {"domain": False, "gridColor": colour["line"], "gridOpacity": 0.3, "ticks": False}
        | {"labelPadding": 6, "titleFontWeight": "normal", "titlePadding": 10},
        "background": None,
        "bar": {"stroke": GROUND[theme], "strokeWidth": 1},
        "font": FONT,
        "header": words | {"labelFontWeight": "bold"},
        # room for another font than these, whose words are wider
        "legend": words | {"columnPadding": 44, "columns": 2, "labelLimit": WIDTH, "orient": "bottom", "title": None}
        | {"rowPadding": 6, "symbolStrokeWidth": 0},
        "padding": {"bottom": 8, "left": 8, "right": 24, "top": 8},
        "range": {"category": PALETTE[theme]},
        "style": {"figure": {"color": GROUND[theme]}, "total": {"color": colour["ink"]}},
        "text": {"fontSize": 11},
        "title": {"anchor": "start", "color": colour["ink"], "fontSize": 15, "frame": "group", "offset": 14}
        | {"subtitleColor": colour["quiet"], "subtitleFontSize": 12, "subtitlePadding": 6},
        "view": {"stroke": None},
    }  # fmt: skip


def by_origin(found: list[dict[str, Any]]) -> Chart:
    """Draw every image as a bar of what it consists of."""
    echo = _of_echo(found)
    ships, single = echo["production"]["origins"], echo["single-stage"]["origins"]
    gist = (
        f"Megabytes of each stage of each service, by origin. Of echo's production {ships[images.PYTHON]:.0f} are the"
        f" Python image's, {ships[images.LIBRARIES]:.0f} libraries and {ships[images.OWN]:.1f} own code; of a single"
        f" stage {single[images.TOOLS]:.0f} are the compiler, the installer and their like."
    )
    rows = [
        {
            "service": image["service"],
            "stage": image["stage"],
            "all": image["mb"],
            "origin": origin,
            "rank": rank,
            "mb": mb,
        }
        for image in found
        for rank, origin in enumerate(images.ORIGINS)
        if (mb := image["origins"][origin])
    ]
    header = {"labelAlign": "left", "labelAnchor": "start", "labelOrient": "top", "title": None}
    spec = {
        "height": {"step": 22},
        "width": WIDTH,
        "encoding": {
            "y": {
                "axis": {"minExtent": 90},
                "field": "stage",
                "sort": list(images.SHOWN),
                "title": None,
                "type": "nominal",
            },
        },
        "layer": [
            {
                "mark": "bar",
                "encoding": {
                    "x": {"axis": {"tickCount": 5}, "field": "mb", "title": "MB", "type": "quantitative"},
                    **_parts("origin", list(images.ORIGINS)),
                },
            },
            {
                "mark": {"type": "text", "style": "total", "align": "left", "dx": 5},
                "encoding": {
                    "x": {"aggregate": "max", "field": "all", "type": "quantitative"},
                    "text": {"aggregate": "max", "field": "all", "format": ".1f"},
                },
            },
        ],
    }
    description = {
        "title": {"text": "What an image consists of", "subtitle": "each stage of each service, in MB by origin"},
        "data": {"values": rows},
        "facet": {"row": {"field": "service", "header": header, "type": "nominal"}},
        "resolve": {"scale": {"y": "independent"}},
        "spec": spec,
    }
    return Chart("sizes", gist, description)


def by_layer(found: list[dict[str, Any]]) -> Chart:
    """Draw each of echo's images as a column of its layers, the first at the foot."""
    echo = _of_echo(found)
    gist = "echo's images, layer by layer. " + "; ".join(
        f"{stage}: {image['mb']:.0f} MB in {len(image['layers'])} layers" for stage, image in echo.items()
    )
    heads = [
        {"stage": stage, "mb": image["mb"], "words": f"{image['mb']:.0f} MB, {len(image['layers'])} layers"}
        for stage, image in echo.items()
    ]
    rows = [
        {"stage": stage, "rank": rank, **layer}
        for stage, image in echo.items()
        for rank, layer in enumerate(image["layers"])
        if layer["mb"] >= DRAWN_MB
    ]
    made_by = [*dict.fromkeys(row["made_by"] for row in rows)]
    subtitle = f"echo's, in MB by the instruction that made each; those below {DRAWN_MB} MB are not drawn"
    height = {"axis": {"tickCount": 5}, "field": "mb", "stack": "zero", "title": "MB", "type": "quantitative"}
    description = {
        "title": {"text": "An image layer by layer", "subtitle": subtitle},
        "data": {"values": rows},
        "height": 520,
        "width": {"step": 104},
        "encoding": {
            "x": {
                "axis": {"grid": False, "labelAngle": 0},
                "field": "stage",
                "scale": {"paddingInner": 0.12},
                "sort": list(images.SHOWN),
                "title": None,
                "type": "nominal",
            },
        },
        "layer": [
            {
                "mark": "bar",
                "encoding": {"y": height, **_parts("made_by", made_by)},
            },
            {
                # a figure of every part, but not shown in one that is too small: it has its place in the stack
                "mark": {"type": "text", "style": "figure"},
                "encoding": {
                    "y": height | {"bandPosition": 0.5},
                    "text": {"field": "mb", "format": ".0f", "type": "quantitative"},
                    "opacity": {"condition": {"test": f"datum.mb >= {FIGURE_MB}", "value": 1}, "value": 0},
                    "order": {"field": "rank", "type": "quantitative"},
                },
            },
            {
                "data": {"values": heads},
                "mark": {"type": "text", "style": "total", "dy": -8},
                "encoding": {"y": {"field": "mb", "type": "quantitative"}, "text": {"field": "words"}},
            },
        ],
    }
    return Chart("layers", gist, description)


def by_number(found: dict[str, Any]) -> Chart:
    """Draw how long builds take by the number of services: medians, and the range of the rounds."""
    builds = {row: words.replace("`", "") for row, words in services.ROWS.items()}
    rows = [
        {
            "services": int(number),
            "build": words,
            "median": statistics.median(times[row]),
            "from": min(times[row]),
            "to": max(times[row]),
        }
        for number, times in found.items()
        for row, words in builds.items()
    ]
    numbers = sorted(map(int, found))
    few, many = (found[str(number)] for number in (numbers[0], numbers[-1]))
    gist = f"Seconds of a build by the number of services, {numbers[0]} against {numbers[-1]}. " + "; ".join(
        f"{words}: {statistics.median(few[row]):.1f} against {statistics.median(many[row]):.1f}"
        for row, words in builds.items()
    )
    build = {"field": "build", "scale": {"domain": [*builds.values()]}, "type": "nominal"}
    seconds = {
        "axis": {"values": [1, 2, 5, 10, 20, 50, 100, 200, 500]},
        "scale": {"type": "log"},
        "title": "seconds, logarithmic",
        "type": "quantitative",
    }
    description = {
        "title": {
            "text": "What more services cost a build",
            "subtitle": f"seconds, median and range of {len(few['cold'])} rounds, by the number of production images",
        },
        "data": {"values": rows},
        "height": 300,
        "width": WIDTH,
        "encoding": {
            "x": {
                "axis": {"grid": False, "values": numbers},
                "field": "services",
                "scale": {"padding": 16, "zero": False},
                "title": "services",
                "type": "quantitative",
            },
            "color": build,
        },
        "layer": [
            {"mark": "line", "encoding": {"y": seconds | {"field": "median"}}},
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 60},
                "encoding": {"shape": build, "y": seconds | {"field": "median"}},
            },
            {"mark": "rule", "encoding": {"y": seconds | {"field": "from"}, "y2": {"field": "to"}}},
        ],
    }
    return Chart("services", gist, description)


def _of_echo(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {image["stage"]: image for image in found if image["service"] == "echo"}


def _parts(field: str, values: list[str]) -> dict[str, Any]:
    """Stack the parts of a bar in the order of values, each in its colour."""
    return {
        "color": {"field": field, "scale": {"domain": values}, "type": "nominal"},
        "order": {"field": "rank", "type": "quantitative"},
    }


# By part.
CHARTS: Mapping[str, list[Callable[[Any], Chart]]] = {"images": [by_origin, by_layer], "services": [by_number]}
