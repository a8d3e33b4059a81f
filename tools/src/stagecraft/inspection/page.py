"""Reports as one page that needs nothing else."""

from stagecraft import page
from stagecraft.inspection import sections
from stagecraft.inspection.report import Report


def render(reports: list[Report]) -> str:
    """Make the page.

    Args:
        reports: Of one image, or of several, which it then compares.

    Returns:
        The page, as HTML.
    """
    compared = [sections.comparison(reports)] if len(reports) > 1 else []
    articles = [(report, list(sections.of(report))) for report in reports]
    return page.render("inspection/page.html.jinja", compared=compared, articles=articles)
