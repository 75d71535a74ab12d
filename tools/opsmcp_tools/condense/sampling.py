"""Sampling: of a text of very many lines those worth a look, both ends and what may be wrong.

What a list of all lines costs grows with their number, and ten mebibytes may be ten million of
them. So the middle is looked at in blocks; only those that may hold an error are taken apart, and
of lines that differ in digits only the first is kept. Pure, and linear in the text.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from opsmcp_tools.condense.trouble import coarse_keys, suspicious

__all__ = ["sample"]

_END_LINES = 60_000
_BLOCK_CHARACTERS = 4_096
_MOST_KEPT = 60_000
"""Kinds of line from the middle; more than that are not told apart by anybody."""


def sample(text: str) -> Sequence[str]:
    """The lines worth a look, in their order."""
    *head, rest = text.split("\n", _END_LINES)
    middle, *tail = rest.rsplit("\n", _END_LINES)
    return [*head, *islice(_suspects(middle), _MOST_KEPT), *tail]


def _suspects(text: str) -> Iterator[str]:
    """The first line of each kind that may hold an error or a warning."""
    seen, start = set[bytes](), 0
    while start <= len(text):
        end = text.find("\n", start + _BLOCK_CHARACTERS)
        end = len(text) if end < 0 else end
        keys = coarse_keys(text[start:end])
        fresh = set(keys) - seen
        seen |= fresh
        if fresh and suspicious(b"\n".join(fresh)):
            lines = text[start:end].split("\n")
            yield from (lines[it] for it in sorted(map(keys.index, filter(suspicious, fresh))))
        start = end + 1
