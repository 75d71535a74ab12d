"""HTML out of the templates. Everything that is put into one is escaped; there is no way around."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from opsmcp_tools.safe_text.characters import show_hidden

__all__ = ["render", "style_sheet"]

_TAB = 4


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("opsmcp_server.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["shown"] = _shown
    environment.filters["moment"] = _moment
    return environment


def render(template: str, **values: Any) -> str:
    """The page."""
    return _environment().get_template(template).render(**values)


@cache
def style_sheet() -> str:
    """The one style sheet."""
    return render("console.css")


def _shown(text: str) -> str:
    """A text of a stranger, with what cannot be seen, or turns the direction, as codes."""
    return "\n".join(show_hidden(line.expandtabs(_TAB)) for line in text.split("\n"))


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
