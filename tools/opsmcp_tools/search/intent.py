"""Whether somebody wants to know something, or to change it. Words only; it decides no policy."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from opsmcp_tools.search.implications import asks, signs_in
from opsmcp_tools.search.synonyms import expressions_in
from opsmcp_tools.search.terms import ideas_of, words_in
from opsmcp_tools.search.vocabulary import CHANGING, LIGHT, STOP_WORDS

__all__ = ["said_outright", "wants_change"]

_LONGEST_COMMAND = 5
_CLAUSE = re.compile(r"[,;:.!?，。；：！？]\s*|\b(?:and|then|so|but)\b", re.IGNORECASE)
_CHINESE_COMMAND = re.compile(r"[把将让]|帮|麻烦|[下掉]$")
_CHINESE_PAST = re.compile(r"[完过次]|[之以][前后]|原因")


def wants_change(text: str, words: Sequence[str]) -> bool | None:
    """True for a command, False for a question, None when neither is plain; `words` of `text`."""
    if any(map(_commands, _CLAUSE.split(text))):
        return True
    if asks(signs_in(filter(_is_plain, words))):
        return False
    return True if not CHANGING.isdisjoint(said_outright(words)) else None


def said_outright(words: Iterable[str]) -> frozenset[str]:
    """The ideas of words that are no past or continuous forms, which mostly tell what happened."""
    return frozenset(idea for word in words if _is_plain(word) for idea in ideas_of(word))


def _is_plain(word: str) -> bool:
    return not word.endswith(("ed", "ing", "s"))


def _commands(clause: str) -> bool:
    """Whether it begins with the plain form of a verb that changes something."""
    words = [word for word in words_in(clause) if word not in STOP_WORDS][:_LONGEST_COMMAND]
    if not words or _CHINESE_PAST.search(clause):
        return False
    if _CHINESE_COMMAND.search(clause):
        return not CHANGING.isdisjoint(idea for word in words for idea in ideas_of(word))
    if not _is_plain(words[0]):
        return False
    said = next((said for said in expressions_in(words) if said.start == 0), None)
    means = frozenset(said.ideas if said else islice(ideas_of(words[0]), 1))
    return not means.isdisjoint(CHANGING) and means.isdisjoint(LIGHT)
