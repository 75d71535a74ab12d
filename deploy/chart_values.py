"""Writes the table of the chart's values into docs/deploy.md: `python -m deploy.chart_values`.

It comes from the comments of values.yaml that begin with `# --`; one stands for the value below it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PAGE", "main", "table", "with_table"]

PAGE = Path(__file__).parents[1] / "docs" / "deploy.md"
VALUES = Path(__file__).parent / "chart" / "opsmcp" / "values.yaml"

_MARKS = ("<!-- values of the chart: generated -->\n", "<!-- end of the values -->")
_HEAD = "| value | default | meaning |\n|---|---|---|\n"


def table() -> str:
    """The table, from values.yaml."""
    return _HEAD + "".join(f"| `{name}` | {value} | {does} |\n" for name, value, does in _rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    group, does = "", ""
    for line in VALUES.read_text("utf-8").splitlines():
        if comment := re.match(r"\s*# -- (.*)", line):
            does = comment[1]
            continue
        entry = re.match(r"( *)(\w+):(?: (.*))?$", line)
        if entry is None:
            continue
        indent, name, value = entry[1], entry[2], entry[3] or ""
        group = group if indent else name
        if does:
            shown = f"`{value}`" if value and value not in {'""', "[]", "{}"} else ""
            yield f"{group}.{name}" if indent else name, shown, does
        does = ""


def with_table(page: str) -> str:
    """The page with the table of now between its marks."""
    before, _, rest = page.partition(_MARKS[0])
    after = rest.partition(_MARKS[1])[2]
    return f"{before}{_MARKS[0]}\n{table()}\n{_MARKS[1]}{after}"


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
