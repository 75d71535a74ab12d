"""Tables of hundreds of rows: the rows that somebody has to see are there, below their titles."""

import pytest

from opsmcp_tools.condense.choose import condense
from opsmcp_tools.condense.odd_rows import odd_rows
from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from tests.tools.condense.tables import TABLES

_TOKENS = 1_200


@pytest.mark.parametrize("name", TABLES)
def test_the_rows_that_matter_are_shown_below_the_titles(name: str) -> None:
    table = TABLES[name]
    shown = condense(table.text, _TOKENS)
    assert shown.split("\n")[1] == table.titles
    assert [row for row in table.matter if row not in shown] == []
    assert estimate_tokens(shown) <= _TOKENS


def test_in_a_table_of_ordinary_rows_none_is_odd() -> None:
    rows = [f"web-{n}  1/1  Running  0  {n}d" for n in range(300)]
    assert odd_rows("NAME  READY  STATUS  RESTARTS  AGE", rows) == []


def test_a_share_near_the_end_is_odd_and_the_largest_comes_first() -> None:
    rows = [f"/dev/vg{n} 50G {n % 50}%" for n in range(300)]
    rows[7], rows[9] = "/dev/vg7 50G 96%", "/dev/vg9 50G 100%"
    assert odd_rows("Filesystem Size Use%", rows) == [9, 7]


def test_counters_below_titles_in_small_letters_are_a_table() -> None:
    above = "procs -----------memory---------- ---swap-- -----io---- -----cpu-----"
    titles = " r  b   swpd   free   buff  cache   si   so    bi    bo us sy id wa"
    rows = [
        f" 1  0      0 812{n:03}  20312 312{n:03}    0    0     1    {n % 9}  3  1 96  0"
        for n in range(600)
    ]
    rows[400] = " 2 31 981200  10211    120   9120 8120 9312 90112 88123  2 11  1 86"
    shown = condense("\n".join([above, titles, *rows]), _TOKENS).split("\n")
    assert shown[1:3] == [above, titles] and rows[400] in shown
