"""The bar that stands before whatever a program or another server wrote, on every row of a screen.

A line that a terminal wraps would go on without it, and could pass there for what opsmcp says.
"""

__all__ = ["BAR", "bar_rows"]

BAR = "\N{BOX DRAWINGS LIGHT VERTICAL} "

_NARROWEST = 10


def bar_rows(line: str, columns: int) -> list[str]:
    """The rows that a line takes on a screen of so many columns, each behind the bar."""
    from rich.cells import chop_cells

    return [f"{BAR}{row}" for row in chop_cells(line, max(_NARROWEST, columns - len(BAR))) or [""]]
