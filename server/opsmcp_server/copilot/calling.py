"""Calling a tool for the model or the person: consent, waiting, and runs that outlast the wait.

A call lives in a task of the chat, not of the question: when the person stops waiting, it goes on,
and its end is told later.
"""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
import mcp_types as types
from anyio.abc import TaskGroup

from opsmcp_server.copilot.arguments import command_line, flat_values
from opsmcp_server.copilot.connections import FAULTS, Hub, Offered
from opsmcp_server.copilot.consent import Asking, Call
from opsmcp_server.copilot.shape import object_of, text_of
from opsmcp_server.copilot.words import Words
from opsmcp_tools.text import clean, head_and_tail

__all__ = ["Caller", "Outcome", "Watcher"]

_HANDLE = re.compile(r"\brun (r-[a-z0-9]{4,40})\b")
_LONGEST_TEXT = 40_000
_REMEMBERED = 1024 * 1024
_SHORTEST_VALUE = 3
_WAIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call, clean and bounded."""

    text: str
    is_error: bool = False
    run: str = ""
    verdict: str = ""

    @property
    def good(self) -> bool:
        """Whether it did what it should; a run that goes on has not."""
        return not self.is_error and self.verdict != "running"


class Watcher(Protocol):
    """Is told how a call goes."""

    def progress(self, message: str, progress: float, total: float | None) -> None:
        """A line on how far it is."""
        ...


class Caller:
    """Calls tools. Changes go one after the other, so that each is asked about alone."""

    def __init__(
        self,
        hub: Hub,
        asking: Asking,
        group: TaskGroup,
        words: Words,
        *,
        confirm_all: bool,
        on_late: Callable[[Call, Outcome], None],
    ) -> None:
        """Call in `group`; `on_late` hears of calls that ended when nobody waited any more."""
        self._hub = hub
        self.asking = asking
        self._group = group
        self._words = words
        self._confirm_all = confirm_all
        self._on_late = on_late
        self._changing = anyio.Lock()
        self._outputs: list[str] = []
        self._said: list[str] = []
        self._open: list[Call] = []

    def person_said(self, text: str) -> None:
        """Remember the person's own words: arguments from them need no further question."""
        _remember(self._said, text)

    def forget(self) -> None:
        """Forget what was said and shown."""
        self._outputs.clear()
        self._said.clear()

    def left_behind(self) -> list[Call]:
        """The calls that nobody waits for and that have not ended."""
        return [call for call in self._open if call.left]

    async def call(self, offered: Offered, arguments: dict[str, Any], watcher: Watcher) -> Outcome:
        """Make the call and wait for its end; what comes is always an outcome."""
        parallel = offered.reads_only and not self._confirm_all
        async with nullcontext() if parallel else self._changing:
            while True:
                call = Call(offered, arguments)
                outcome = await self._attempt(call, watcher)
                if call.edited is None:
                    break
                arguments = call.edited
                for value in flat_values(arguments).values():
                    self.person_said(value)
        _remember(self._outputs, outcome.text)
        return outcome

    async def _attempt(self, call: Call, watcher: Watcher) -> Outcome:
        tainted = self._tainted(call)
        if self._must_ask(call.offered, tainted):
            await self.asking.ask(call, tainted)
        if call.settled:
            return self._refused(call)
        if not call.offered.reads_only:
            self.asking.current = call
        try:
            outcome = await self._send(call, watcher)
        finally:
            self.asking.current = None
        return self._refused(call) if call.settled else await self._follow(call, outcome, watcher)

    def _must_ask(self, offered: Offered, tainted: tuple[str, ...]) -> bool:
        if self._confirm_all:
            return True
        return not offered.reads_only and bool(tainted or not offered.server.asks_itself)

    def _tainted(self, call: Call) -> tuple[str, ...]:
        """The arguments of a change that occur in outputs, but not in what the person said."""
        if call.offered.reads_only:
            return ()
        return tuple(
            name
            for name, value in flat_values(call.arguments).items()
            if len(value) >= _SHORTEST_VALUE
            and not (call.offered.tool.name == "run_operation" and name == "name")
            and any(value in output for output in self._outputs)
            and not any(value in said for said in self._said)
        )

    def _refused(self, call: Call) -> Outcome:
        if call.answer == "unattended":
            tool = call.offered.tool.name
            command = command_line(tool, call.arguments)
            text = self._words("unattended", tool=tool, command=command)
        else:
            text = self._words("declined")
        return Outcome(clean(text), is_error=True, verdict="declined")

    async def _send(self, call: Call, watcher: Watcher) -> Outcome:
        outcomes: list[Outcome] = []
        done = anyio.Event()

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            text = clean(message or "")[:500]
            found = _HANDLE.search(text)
            call.run = found[1] if found else call.run
            if not call.left:
                watcher.progress(text, progress, total)

        async def work() -> None:
            outcome = await _answer(call, on_progress)
            self._open.remove(call)
            outcomes.append(outcome)
            done.set()
            if call.left:
                self._on_late(call, outcome)

        self._open.append(call)
        self._group.start_soon(work)
        try:
            await done.wait()
        except anyio.get_cancelled_exc_class():
            call.left = True
            raise
        return outcomes[0]

    async def _follow(self, call: Call, outcome: Outcome, watcher: Watcher) -> Outcome:
        """Wait on for a run whose call was answered with a handle."""
        offered = self._hub.sibling(call.offered.server, "get_run")
        if offered is None or offered.name == call.offered.name:
            return outcome
        while outcome.verdict == "running" and outcome.run:
            asked = Call(offered, {"run": outcome.run, "wait_seconds": _WAIT_SECONDS})
            asked.run = outcome.run
            outcome = await self._send(asked, watcher)
        return outcome


async def _answer(call: Call, on_progress: Any) -> Outcome:
    client, name = call.offered.server.client, call.offered.tool.name
    try:
        result = await client.call_tool(name, call.arguments, progress_callback=on_progress)
    except FAULTS as error:
        return Outcome(clean(str(error))[:2000] or type(error).__name__, is_error=True)
    except RuntimeError:
        # The SDK gives up after too many rounds of questions.
        return Outcome("The server asked again and again.", is_error=True)
    return _outcome(result)


def _outcome(result: types.CallToolResult) -> Outcome:
    structured = object_of(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    text = "\n".join(texts) or (json.dumps(structured, ensure_ascii=False) if structured else "")
    return Outcome(
        text=head_and_tail(clean(text[: 8 * _LONGEST_TEXT]), _LONGEST_TEXT),
        is_error=bool(result.is_error),
        run=text_of(structured.get("run"))[:60],
        verdict=text_of(structured.get("verdict"))[:40],
    )


def _remember(texts: list[str], text: str) -> None:
    texts.append(text)
    while sum(map(len, texts)) > _REMEMBERED and len(texts) > 1:
        texts.pop(0)
