"""Texts of very many lines: looked at in blocks, both ends and what may be wrong."""

from opsmcp_tools.condense.choose import condense
from opsmcp_tools.condense.sampling import sample
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


def test_of_very_many_lines_the_kept_ones_stay_in_their_order() -> None:
    lines = [f"{n} failed {'x' * (n % 7)}" if n % 999 == 0 else f"{n} ok" for n in range(_MANY)]
    kept = sample("\n".join(lines))
    numbers = [int(line.split()[0]) for line in kept]
    assert [lines[number] for number in numbers] == list(kept)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    assert numbers[-1] == _MANY - 1
    assert 100_000 < len(kept) < 130_000
