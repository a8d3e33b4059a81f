"""Pages that need nothing else, in a reader's own light or dark: one layout, and what each puts into it."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.filesize import decimal


def render(template: str, **values: Any) -> str:
    """Make a page.

    Args:
        template: Its path in this package; it extends page.html.jinja.
        values: What the template asks for.

    Returns:
        The page, as HTML.
    """
    templates = Environment(
        loader=PackageLoader("stagecraft", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["decimal"] = decimal
    return templates.get_template(template).render(values)
