"""Reports as one page that needs nothing else."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.filesize import decimal

from stagecraft.inspection import sections
from stagecraft.inspection.report import Report


def render(reports: list[Report]) -> str:
    """Make the page.

    Args:
        reports: Of one image, or of several, which it then compares.

    Returns:
        The page, as HTML.
    """
    templates = Environment(
        loader=PackageLoader("stagecraft.inspection", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["decimal"] = decimal
    compared = [sections.comparison(reports)] if len(reports) > 1 else []
    articles = [(report, list(sections.of(report))) for report in reports]
    return templates.get_template("page.html.jinja").render(compared=compared, articles=articles)
