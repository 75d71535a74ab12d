"""Texts of very many lines: looked at in blocks, both ends and what may be wrong."""

import pytest

from opsmcp_tools.condense.choose import condense
from opsmcp_tools.condense.sampling import thin
from tests.tools.condense.logs import ERRORS

_MANY = 900_000


def _middle(*found: str, filler: str = "") -> str:
    half = [filler] * (_MANY // 2)
    return "\n".join(["begin", *half, *found, *half, "end"])


def test_every_kind_of_error_among_very_many_lines_survives() -> None:
    short = condense(_middle(*ERRORS[:4]))
    assert [error for error in ERRORS[:4] if error not in short] == []


def test_a_text_of_very_many_lines_says_what_of_it_was_looked_at() -> None:
    text = _middle("ERROR refused", filler="ok")
    short = condense(text).split("\n")
    assert short[0] == (
        f"[{text.count(chr(10)) + 1:,} lines: both ends and what may be wrong were looked at; "
        "4 kinds shown]"
    )
    assert short[1:3] == ["trouble:", "ERROR refused"]
    assert short[-1] == "end"


def test_each_kept_line_is_the_one_of_its_number() -> None:
    text = "\n".join(f"{n} failed {'x' * (n % 7)}" if n % 999 == 0 else "ok" for n in range(_MANY))
    thinned = thin(text, 200_000)
    assert thinned is not None
    lines = text.split("\n")
    assert [lines[place] for place in thinned.places] == list(thinned.lines)
    assert thinned.total == len(lines)
    assert sorted(set(thinned.places)) == list(thinned.places)


@pytest.mark.parametrize("text", ["", "one", "x\n" * 150_000])
def test_a_text_of_fewer_lines_is_taken_whole(text: str) -> None:
    assert thin(text, 200_000) is None
