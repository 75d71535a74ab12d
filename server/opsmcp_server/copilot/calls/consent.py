"""Asking the person in the terminal: for opsmcp's elicitation, and where the chat itself must ask.

opsmcp asks by elicitation where its policy wants consent; that question is shown here, each time it
asks. The chat asks of its own accord before other servers' changes, before every call with
`confirm: all`, and before a change whose arguments are not the person's own. One call is asked
about at a time, and only the server that is called may ask.

A question says what would happen, the worst of it first. Nothing is left out of it, and nothing is
cut but names and descriptions, with a mark; what is too long for anybody is not asked at all.
"""

import math
import re
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import anyio
import mcp_types as types

from opsmcp_server.copilot.base.outcome import object_of
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.call import Call
from opsmcp_server.copilot.terminal.person import TerminalPerson
from opsmcp_server.copilot.terminal.view import barred
from opsmcp_tools.policy.shown_arguments import show_arguments
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["LONGEST_QUESTION", "ConsentPrompt"]

LONGEST_QUESTION = 50_000
"""Characters that a person can be expected to read before they agree."""

_LONGEST_NAME = 60
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{_LONGEST_NAME}}}")

_SLOWEST_HASTE_SECONDS = 0.8
"""opsmcp says of a refusal that comes faster than 0.7 s that perhaps nobody was asked."""


class ConsentPrompt:
    """Asks the person, and remembers which call is being asked about."""

    def __init__(self, person: TerminalPerson, words: Words) -> None:
        """Ask this person in this language."""
        self._person = person
        self._words = words
        self._lock = anyio.Lock()
        self.clock = anyio.CancelScope()
        """What limits the time of the question; it stands still while the person thinks."""
        self._current: Call | None = None
        self._left: list[Call] = []
        """Those that nobody waits for, and that may still be asked about."""

    @contextmanager
    def about(self, call: Call) -> Generator[None]:
        """A server may ask about this call for as long as the block lasts, if it is a change."""
        if call.offered.reads_only:
            yield
            return
        self._current = call
        try:
            yield
        finally:
            self._current = None
            self._left = [one for one in (*self._left, call) if not one.answered]

    async def ask(self, call: Call) -> None:
        """Ask about a call of the chat's own accord; the answer is in the call."""
        async with self._lock:
            await self._ask(call, _own_question(call, self._words))

    async def elicited(self, server: str, params: types.ElicitRequestParams) -> types.ElicitResult:
        """Answer the server of that label, which asks about the call that is being made."""
        begin = time.monotonic()
        async with self._lock:
            result = await self._answer(server, params)
        if result.action != "accept":
            await anyio.sleep(max(0.0, _SLOWEST_HASTE_SECONDS - (time.monotonic() - begin)))
        return result

    async def _answer(self, server: str, params: types.ElicitRequestParams) -> types.ElicitResult:
        call = self._current
        if call is None or call.offered.server.label != server or not _is_consent(params):
            # Servers that want more than consent are told no: the chat fills no forms.
            return types.ElicitResult(action="cancel")
        if any(one.offered.server.label == server and not one.answered for one in self._left):
            # It may ask about a call that the person has left: a yes would be to another one.
            return types.ElicitResult(action="cancel")
        if not call.settled:
            await self._ask(call, _servers_question(call, params.message, self._words))
        if call.answer == "agreed":
            return types.ElicitResult(action="accept", content={})
        return types.ElicitResult(action="decline")

    async def _ask(self, call: Call, question: str) -> None:
        if not self._person.can_be_asked:
            call.answer = "unattended"
            return
        if len(question) > LONGEST_QUESTION:
            call.answer = "too long"
            return
        choices = "yne" if call.offered.properties else "yn"
        call.answer = ""
        with _standing_still(self.clock):
            letter = await self._person.choose(_name_of(call), question, choices)
            if letter == "e":
                call.edited = await self._edit(call)
        if call.edited is None:
            call.answer = "agreed" if letter == "y" else "declined"

    async def _edit(self, call: Call) -> dict[str, Any]:
        """The arguments as the person wants them; asked about again before anything starts."""
        names = _listed(call.names)
        prompt = self._words("edit", names=names)
        while line := (await self._person.line(prompt)).strip():
            changed = call.change(line)
            if changed is not None:
                return changed
            prompt = self._words("edit-bad", names=names)
        return call.arguments


@contextmanager
def _standing_still(clock: anyio.CancelScope) -> Generator[None]:
    left = clock.deadline - anyio.current_time()
    clock.deadline = math.inf
    try:
        yield
    finally:
        clock.deadline = anyio.current_time() + left


def _is_consent(params: types.ElicitRequestParams) -> bool:
    """Whether it is a plain yes or no, as opsmcp asks: with nothing to fill in."""
    if not isinstance(params, types.ElicitRequestFormParams):
        return False
    return not object_of(params.requested_schema.get("properties"))


def _own_question(call: Call, words: Words) -> str:
    """What the chat itself asks about a call."""
    offered = call.offered
    lines = [words("question", tool=_shown(offered.tool.name), server=offered.server.label)]
    if offered.destroys:
        lines += [words("not-known" if offered.effect_is_unknown else "destructive")]
    lines += _warning(call, words)
    about = "\n".join(said for said in (offered.title, offered.description) if said)
    lines += [about if offered.server.asks_itself else barred(about)] if about else []
    return "\n".join([*lines, *show_arguments(call.arguments, words.language)])


def _servers_question(call: Call, message: str, words: Words) -> str:
    """What the server asks about a call, with what the chat knows of it."""
    first, _, rest = clean(message[: LONGEST_QUESTION + 1]).partition("\n")
    server = call.offered.server
    if not server.asks_itself:
        # Its words are no more than a stranger's: they must not pass for the chat's own.
        first, rest = words("server-asks", server=server.label, text=first), barred(rest)
    return "\n".join([first, *_warning(call, words), *([rest] if rest else [])])


def _warning(call: Call, words: Words) -> list[str]:
    return [words("foreign", names=_listed(call.foreign))] if call.foreign else []


def _shown(name: str) -> str:
    """The name of a tool; one that could pass for words of the question is quoted."""
    return name if _PLAIN_NAME.fullmatch(name) else quote(name)


def _listed(names: Iterable[str]) -> str:
    """Names of strangers on one line."""
    return ", ".join(clean_line(name, _LONGEST_NAME) for name in names)


def _name_of(call: Call) -> str:
    """The operation that a call is about, short enough for a prompt."""
    return _shown(call.named[0] or call.offered.tool.name)
