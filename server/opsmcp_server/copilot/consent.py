"""Asking the person in the terminal: for opsmcp's elicitation, and where the chat itself must ask.

opsmcp asks by elicitation where its policy wants consent; that question is shown here, each time it
asks. The chat asks of its own accord before other servers' changes, before every call with
`confirm: all`, and before a change whose arguments are not the person's own. One call is asked
about at a time, and only the server that is called may ask.
"""

import math
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import anyio
import mcp_types as types

from opsmcp_server.copilot.arguments import call_line, flat_values
from opsmcp_server.copilot.named import change, names_of
from opsmcp_server.copilot.offered import Offered
from opsmcp_server.copilot.shape import object_of
from opsmcp_server.copilot.words import Words
from opsmcp_tools.characters import clean_line
from opsmcp_tools.text import clean

__all__ = ["Asking", "Call", "Person"]

_SLOWEST_HASTE_SECONDS = 0.8
"""opsmcp takes a refusal that comes faster than 0.7 s for a client that cannot ask."""

_LONGEST_QUESTION = 4_000
_MOST_LINES = 40
_LONGEST_NAME = 60


class Person(Protocol):
    """Whoever sits at the terminal."""

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a terminal to ask on."""
        ...

    async def choose(self, question: str, choices: str, hint: str) -> str:
        """One of the letters of `choices`; "n" when the person gives no answer."""
        ...

    async def line(self, prompt: str) -> str:
        """A line; empty when the person gives none."""
        ...


@dataclass(slots=True)
class Call:
    """A call on its way: what became of asking about it."""

    offered: Offered
    arguments: dict[str, Any]
    is_edited: bool = False
    """Whether the person changed it; then it is asked about in any case."""

    answer: Literal["", "agreed", "declined", "unattended"] = ""
    edited: dict[str, Any] | None = None
    foreign: tuple[str, ...] = ()
    """The arguments that may come from what others wrote."""

    run: str = ""
    left: bool = False
    """Whether nobody waits for it any more."""

    @property
    def title(self) -> str:
        """The call on one line."""
        return call_line(self.offered.tool.name, self.arguments)

    @property
    def settled(self) -> bool:
        """Whether the person said no, changed it, or could not be asked."""
        return self.answer in ("declined", "unattended") or self.edited is not None


class Asking:
    """Asks the person, and remembers which call is being asked about."""

    def __init__(self, person: Person, words: Words) -> None:
        """Ask this person in this language."""
        self._person = person
        self._words = words
        self._lock = anyio.Lock()
        self.clock: anyio.CancelScope | None = None
        """What limits the time of the question; it stands still while the person thinks."""
        self._current: Call | None = None

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

    async def ask(self, call: Call) -> None:
        """Ask about a call of the chat's own accord; the answer is in the call."""
        async with self._lock:
            await self._ask(call, self._question(call))

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
        if not call.settled:
            lines = [clean(params.message)[:_LONGEST_QUESTION], *self._warning(call)]
            await self._ask(call, "\n".join(lines))
        if call.answer == "agreed":
            return types.ElicitResult(action="accept", content={"agree": True})
        return types.ElicitResult(action="decline")

    async def _ask(self, call: Call, question: str) -> None:
        if not self._person.can_be_asked:
            call.answer = "unattended"
            return
        choices, hint = ("yne", "choices") if call.offered.properties else ("yn", "choices-plain")
        call.answer = ""
        with _standing_still(self.clock):
            letter = await self._person.choose(question, choices, self._words(hint))
            if letter == "e":
                call.edited = await self._edit(call)
        if call.edited is None:
            call.answer = "agreed" if letter == "y" else "declined"

    async def _edit(self, call: Call) -> dict[str, Any]:
        """The arguments as the person wants them; asked about again before anything starts."""
        names = _listed(names_of(call.offered, call.arguments))
        prompt = self._words("edit", names=names)
        while line := (await self._person.line(prompt)).strip():
            changed = change(call.offered, call.arguments, line)
            if changed is not None:
                return changed
            prompt = self._words("edit-bad", names=names)
        return call.arguments

    def _question(self, call: Call) -> str:
        offered, words = call.offered, self._words
        tool, label = clean_line(offered.tool.name, _LONGEST_NAME), offered.server.label
        lines = [words("question", title=offered.title, tool=tool, server=label)]
        lines += [offered.description] if offered.description else []
        lines += _shown(call.arguments)
        lines += [words("destructive")] if offered.destroys else []
        return "\n".join([*lines[:_MOST_LINES], *self._warning(call)])[:_LONGEST_QUESTION]

    def _warning(self, call: Call) -> list[str]:
        return [self._words("foreign", names=_listed(call.foreign))] if call.foreign else []


@contextmanager
def _standing_still(clock: anyio.CancelScope | None) -> Generator[None]:
    if clock is None:
        yield
        return
    left = clock.deadline - anyio.current_time()
    clock.deadline = math.inf
    try:
        yield
    finally:
        clock.deadline = anyio.current_time() + left


def _listed(names: Iterable[str]) -> str:
    """Names of strangers on one line."""
    return ", ".join(clean_line(name, _LONGEST_NAME) for name in names)


def _shown(arguments: Mapping[str, object]) -> list[str]:
    return [
        f"  {clean_line(name, _LONGEST_NAME)} = {clean_line(value, 300)}"
        for name, value in flat_values(arguments).items()
    ]


def _is_consent(params: types.ElicitRequestParams) -> bool:
    """Whether it is a plain yes or no, as opsmcp asks."""
    if not isinstance(params, types.ElicitRequestFormParams):
        return False
    return set(object_of(params.requested_schema.get("properties"))) == {"agree"}
