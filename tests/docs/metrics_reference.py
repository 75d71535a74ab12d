"""The table of metrics in docs/observability.md, made from the families of the code.

`python -m tests.docs.metrics_reference` writes it; a test compares.
"""

from opsmcp_server.telemetry.families import FAMILIES, Family
from tests.docs.settings_reference import ROOT

PAGE = ROOT / "docs" / "observability.md"
START, END = "<!-- metrics: generated -->\n", "<!-- end of metrics -->\n"


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind} | {labels} | {family.meaning} |\n"


def reference() -> str:
    """The generated block, with its markers."""
    head = "\n| metric | kind | labels | meaning |\n|---|---|---|---|\n"
    return "".join([START, head, *map(_row, FAMILIES), "\n", END])


def write() -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    PAGE.write_text(before + reference() + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    write()
