"""The words of a question to the person: what would happen, the worst of it first. Pure.

Nothing is left out here, and nothing is cut but names and descriptions, with a mark. What does not
fit on a screen is for whoever shows it, and what is too long for anybody is not asked at all.
"""

import re
from collections.abc import Iterable

from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.call import Call
from opsmcp_server.copilot.terminal.view import barred
from opsmcp_tools.policy.shown_arguments import show_arguments
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["LONGEST_QUESTION", "listed", "name_of", "own_question", "servers_question"]

LONGEST_QUESTION = 50_000
"""Characters that a person can be expected to read before they agree."""

_LONGEST_NAME = 60
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{_LONGEST_NAME}}}")


def own_question(call: Call, words: Words) -> str:
    """What the chat itself asks about a call."""
    offered = call.offered
    lines = [words("question", tool=_shown(offered.tool.name), server=offered.server.label)]
    if offered.destroys:
        lines += [words("not-known" if offered.effect_is_unknown else "destructive")]
    lines += _warning(call, words)
    told = "\n".join(said for said in (offered.title, offered.description) if said)
    lines += [told if offered.server.asks_itself else barred(told)] if told else []
    return "\n".join([*lines, *show_arguments(call.arguments, words.language)])


def servers_question(call: Call, message: str, words: Words) -> str:
    """What the server asks about a call, with what the chat knows of it."""
    first, _, rest = clean(message[: LONGEST_QUESTION + 1]).partition("\n")
    server = call.offered.server
    if not server.asks_itself:
        # Its words are no more than a stranger's: they must not pass for the chat's own.
        first, rest = words("server-asks", server=server.label, text=first), barred(rest)
    return "\n".join([first, *_warning(call, words), *([rest] if rest else [])])


def _warning(call: Call, words: Words) -> list[str]:
    return [words("foreign", names=listed(call.foreign))] if call.foreign else []


def _shown(name: str) -> str:
    """The name of a tool; one that could pass for words of the question is quoted."""
    return name if _PLAIN_NAME.fullmatch(name) else quote(name)


def listed(names: Iterable[str]) -> str:
    """Names of strangers on one line."""
    return ", ".join(clean_line(name, _LONGEST_NAME) for name in names)


def name_of(call: Call) -> str:
    """The operation that a call is about, short enough for a prompt."""
    return _shown(call.named[0] or call.offered.tool.name)
