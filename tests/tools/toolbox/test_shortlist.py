"""Which tools stay listed when there are too many."""

from dataclasses import replace

import pytest

from opsmcp_tools.model.tool import Hints
from opsmcp_tools.toolbox.shortlist import choose_listed
from tests.tools.corpus import TOOL

READS = TOOL.hints
CHANGES = Hints(read_only=False, destructive=True, idempotent=False)
TOOLS = [replace(TOOL, name=name, hints=READS if name in "bd" else CHANGES) for name in "abcde"]


@pytest.mark.parametrize(
    ("limit", "pinned", "uses", "names"),
    [
        (5, (), {}, "abcde"),
        (3, (), {}, "abd"),
        (2, ("e",), {}, "be"),
        (2, (), {"c": 3, "e": 9, "a": 1}, "ce"),
        (1, ("a", "[bc]"), {"e": 9}, "abc"),
    ],
    ids=["all fit", "readers first", "pinned", "most used", "more pinned than fit"],
)
def test_the_choice(limit: int, pinned: tuple[str, ...], uses: dict[str, int], names: str):
    chosen = choose_listed(TOOLS, limit=limit, pinned=pinned, uses=uses)
    assert "".join(tool.name for tool in chosen) == names
