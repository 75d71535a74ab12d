"""Condense: a long output in few tokens, by what it means and not by position alone. Pure.

JSON (shown as YAML) and YAML are cut by structure, a table by its rows, and everything else is a
log: a row for each kind of line, trouble first. Linear in the text, and bounded in memory.
"""

from collections.abc import Sequence
from dataclasses import replace

from opsmcp_tools.condense.excerpt import Room
from opsmcp_tools.condense.log import read_log
from opsmcp_tools.condense.sampling import sample
from opsmcp_tools.condense.structure import json_lines, read_structure, read_yaml
from opsmcp_tools.condense.table_shape import read_table
from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language, Said
from opsmcp_tools.safe_text.cleaning import clean
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["LEAST_TOKENS", "condense", "room_for", "share_room"]

LEAST_TOKENS = 120
"""Fewer are taken for so many: below, the marks would take all the room."""

_MOST_CHARACTERS = 32 * 1024 * 1024
_KEPT_HEAD = 8 * 1024 * 1024
_SMALL = 64 * 1024
_MOST_TOKENS_OF_A_CHARACTER = 1.5
"""What a tab or the end of a line counts; no character counts more."""
_UNREADABLE = "\ufffd"
_READABLE_PARTS = 20
"""An output of which more than one character in so many could not be read is no text."""

_MOST_LINES = 700_000
"""Of more, only both ends and what may be an error are looked at one by one."""

_LONGEST_LINE = 1_200
_PIECE = 400


def condense(text: str, tokens: int = 1_500, language: Language = "en") -> str:
    """The text as it is if it fits, else what matters of it.

    What is left out is marked where it stood or counted in the first line. The result is never
    longer than the cleaned text. Of more than 32 Mi characters, only both ends are looked at.

    Args:
        text: Any output; cleaned here.
        tokens: How many it may take.
        language: In which words to say what is left out.
    """
    text, left = _readable(text)
    note = f"\n{left.to(language)}" if left else ""
    room = Room(max(tokens, LEAST_TOKENS), len(text))
    if not note and room.holds(text):
        return text
    smaller = Room(room.tokens - estimate_tokens(note), room.characters - len(note))
    return (_condensed(text, smaller, language) or _cut(text, smaller, language)) + note


def _readable(text: str) -> tuple[str, Said | None]:
    """The cleaned text, so far as it is looked at, and a note on what is not."""
    if len(text) > _SMALL and text.count(_UNREADABLE) > len(text) // _READABLE_PARTS:
        plain = clean(text.encode("ascii", "ignore").decode())
        return plain, words.NO_TEXT()
    text = clean(text)
    left = len(text) - _MOST_CHARACTERS
    if left <= 0:
        return text, None
    ends = text[:_KEPT_HEAD] + "\n" + text[left + _KEPT_HEAD :]
    return ends, words.NOT_LOOKED_AT(left, _KEPT_HEAD)


def room_for(text: str) -> int:
    """How many tokens `condense` needs to leave a cleaned text as it is."""
    return estimate_tokens(text) + 1


def share_room(needs: Sequence[int], room: int) -> list[int]:
    """How many tokens each of several texts may take: short ones what they need, long ones less."""
    shares = [0] * len(needs)
    smallest_first = sorted(range(len(needs)), key=needs.__getitem__)
    for place, number in enumerate(smallest_first):
        shares[number] = min(needs[number], room // (len(needs) - place))
        room -= shares[number]
    return shares


def _condensed(text: str, room: Room, language: Language) -> str | None:
    written = json_lines(text)
    if written is not None:
        return replace(read_structure(written), language=language, is_json=True).fit(room)
    text = text.removesuffix("\n")
    total = text.count("\n") + 1
    if total > _MOST_LINES:
        return read_log(sample(text), total=total, language=language).fit(room)
    lines = text.split("\n")
    excerpt = read_table(lines) or read_yaml(lines)
    if excerpt is not None:
        return replace(excerpt, language=language).fit(room)
    return read_log(_in_pieces(lines), language=language).fit(room)


def _in_pieces(lines: list[str]) -> list[str]:
    """Very long lines as several, so that an error within one is found."""
    if max(map(len, lines)) <= _LONGEST_LINE:
        return lines
    return [piece for line in lines for piece in _pieces(line)]


def _pieces(line: str) -> list[str]:
    if len(line) <= _LONGEST_LINE:
        return [line]
    pieces, start = list[str](), 0
    while start < len(line):
        end = start + _PIECE
        space = line.rfind(" ", start + _PIECE // 2, end) if end < len(line) else -1
        end = space + 1 if space > 0 else end
        pieces.append(line[start:end])
        start = end
    return pieces


def _cut(text: str, room: Room, language: Language) -> str:
    """The beginning, where nothing better fits: a text of a few very dense characters."""
    mark = f"\n{words.REST_LEFT_OUT().to(language)}"
    tokens = int((room.tokens - estimate_tokens(mark)) / _MOST_TOKENS_OF_A_CHARACTER)
    kept = min(len(text), room.characters - len(mark), tokens)
    return text[: max(0, kept)].rstrip("\n") + mark
