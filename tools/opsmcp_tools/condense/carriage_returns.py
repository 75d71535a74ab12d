"""Progress: lines that a program wrote over and over, of which a terminal shows the last. Pure."""

import re
from functools import partial

from opsmcp_tools.condense.trouble import coarse_keys, suspicious
from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language

__all__ = ["last_states"]

_MOST_LINES = 2_000
_SHORTEST = 80
"""Characters; less is not worth a mark."""

# Possessive, so that each character is looked at once.
_REWRITTEN = re.compile(r"^(?:[^\r\n]++\r++){10,}+", re.MULTILINE)


def last_states(text: str, language: Language = "en") -> str:
    """The text with only the last state of such lines, and a mark for the states before.

    Never longer. Lines whose states may hold an error stay as they are; lines end in newlines.
    """
    if "\r" not in text:
        return text
    while "\r\r\n" in text:
        text = text.replace("\r\r\n", "\r\n")
    last = partial(_last, language)
    return _REWRITTEN.sub(last, text.replace("\r\n", "\n"), _MOST_LINES)


def _last(language: Language, found: re.Match[str]) -> str:
    states = found[0].rstrip("\r").split("\r")
    if len(found[0]) < _SHORTEST or suspicious(coarse_keys(found[0])[0]):
        return found[0]
    return f"{words.STATES_LEFT_OUT(len(states) - 1).to(language)}\n{states[-1]}\n"
