"""Calling a tool for the model or the person: consent, waiting, and runs that outlast the wait.

A call lives in a task of the chat, not of the question: when the person stops waiting, it goes on,
and its end is told later.
"""

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from anyio.abc import TaskGroup

from opsmcp_server.copilot.base.outcome import Outcome, object_of
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.call import Call, command_line
from opsmcp_server.copilot.calls.consent import LONGEST_QUESTION, ConsentPrompt
from opsmcp_server.copilot.calls.origin import Origins
from opsmcp_server.copilot.servers.hub import Hub
from opsmcp_server.copilot.servers.tools import Offered
from opsmcp_server.copilot.terminal.view import View, barred
from opsmcp_tools.phrases.tool_names import GET_RUN, PLAN_OPERATION
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Caller"]

logger = logging.getLogger(__name__)

_HANDLE = re.compile(r"\brun (r-[a-z0-9]{4,40})\b")
_WAIT_SECONDS = 10
_LEAST_SECONDS = 1.0
"""Between two looks at a run."""

_MOST_LOOKS = 10_000
"""At one run: more than a day of waiting, if the server waits."""

_LONGEST_PROGRESS = 500

Heard = Callable[[Outcome], None]
"""Is told what came of a call."""


@dataclass
class Caller:
    """Calls tools. Changes go one after the other, so that each is asked about alone."""

    hub: Hub
    asking: ConsentPrompt
    origins: Origins
    group: TaskGroup
    """The tasks of the chat."""

    view: View
    words: Words
    confirm_all: bool = False
    """Whether a person is asked before every call."""

    options: Sequence[str] = ()
    """Those that a command in a terminal needs, to mean the same source."""

    is_last: bool = False
    """Whether this process ends as soon as nobody waits any more."""

    unfinished: list[Call] = field(default_factory=list[Call])
    """The calls that have not ended, whether somebody waits for them or not."""

    _changing: anyio.Lock = field(default_factory=anyio.Lock)

    async def call(
        self, offered: Offered, arguments: dict[str, Any], on_left: Heard | None = None
    ) -> Outcome:
        """Make the call, show it and wait for its end; what comes is always an outcome.

        Args:
            offered: What is called.
            arguments: With what, unless the person changes it.
            on_left: Is told what is known of the call when the wait for it is broken off.
        """
        parallel = offered.reads_only and not self.confirm_all
        async with nullcontext() if parallel else self._changing:
            call = Call(offered, arguments)

            def left(outcome: Outcome) -> None:
                if on_left is not None:
                    on_left(_with_changes(outcome, call, arguments))

            outcome = await self._shown(call, left)
            while call.edited is not None:
                self.origins.person_gave(call.edited)
                call = Call(offered, call.edited, is_edited=True)
                outcome = await self._shown(call, left)
        self.origins.was_read()
        return _with_changes(outcome, call, arguments)

    async def _shown(self, call: Call, on_left: Heard) -> Outcome:
        logger.debug("called: %s", call.title)
        self.view.calling(call.title)
        begin = anyio.current_time()
        try:
            outcome = await self._attempt(call)
        except anyio.get_cancelled_exc_class():
            outcome = self._left(call)
            self.view.called(call.title, outcome)
            on_left(outcome)
            raise
        logger.debug("%s took %.1f s", call.offered.name, anyio.current_time() - begin)
        self.view.called(call.title, outcome)
        return outcome

    def _left(self, call: Call) -> Outcome:
        """What is to be said of a call that nobody waits for any more."""
        if call.settled:
            return self._refused(call)
        if not call.left:
            return Outcome(self.words("stopped"), is_error=True, verdict="declined")
        key = "goes-on"
        if call.offered.server.in_process:
            key = "ends-with-us" if self.is_last else "goes-on-here"
        text = self.words(key, run=call.run) if call.run else self.words("left")
        return Outcome(text, run=call.run, verdict="running")

    async def _attempt(self, call: Call) -> Outcome:
        if await self._must_ask(call):
            await self.asking.ask(call)
        if call.settled:
            return self._refused(call)
        with self.asking.about(call):
            outcome = await self._send(call)
        return self._refused(call) if call.settled else outcome

    async def _must_ask(self, call: Call) -> bool:
        """Whether the chat itself asks; where the server does, that is enough."""
        offered, always = call.offered, self.confirm_all or call.is_edited
        if offered.reads_only:
            return always
        call.foreign = self.origins.foreign(call.named[1], offered.properties)
        if not offered.server.asks_itself:
            return True
        if not (call.foreign or always):
            return False
        planned = await self.plan(call)
        # What a plan does not say is not taken for granted.
        plan = planned.data if planned else object_of(None)
        if plan.get("read_only") is True:
            call.foreign = ()
            return always
        return object_of(plan.get("decision")).get("effect") not in ("confirm", "approve")

    async def plan(self, call: Call) -> Outcome | None:
        """What the server says that a call would do; None when it does not plan."""
        name, arguments = call.named
        for planner in self.hub.named(PLAN_OPERATION, call.offered.server):
            return await planner.read(name=name, arguments=dict(arguments))
        return None

    def _refused(self, call: Call) -> Outcome:
        if call.answer == "unattended":
            tool = call.offered.tool.name
            command = command_line(tool, call.arguments, self.options)
            text = self.words("unattended", tool=tool, command=command)
        elif call.answer == "too long":
            text = self.words("too-long", tool=call.offered.tool.name, limit=LONGEST_QUESTION)
        else:
            text = self.words("declined" if call.edited is None else "changed")
        return Outcome(clean(text), is_error=True, verdict="declined")

    async def _send(self, call: Call) -> Outcome:
        """Make the call and follow it to its end, which is told later when nobody waits for it."""
        outcomes: list[Outcome] = []
        done = anyio.Event()

        async def work() -> None:
            outcome = await self._answer(call)
            call.answered = True
            outcome = await self._follow(call, outcome)
            self.unfinished.remove(call)
            outcomes.append(outcome)
            done.set()
            if call.left and not call.settled:
                self._notify_late(call, outcome)

        self.unfinished.append(call)
        self.group.start_soon(work)
        try:
            await done.wait()
        except anyio.get_cancelled_exc_class():
            call.left = True
            raise
        return outcomes[0]

    async def _answer(self, call: Call) -> Outcome:
        server, name = call.offered.server, call.offered.tool.name

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            text = clean(message or "")[:_LONGEST_PROGRESS]
            found = _HANDLE.search(text)
            call.run = found[1] if found else call.run
            self._report_progress(call, text, progress, total, is_ours=server.in_process)

        return await server.call(name, call.arguments, on_progress)

    def _report_progress(
        self, call: Call, text: str, progress: float, total: float | None, *, is_ours: bool
    ) -> None:
        if not call.left:
            self.view.progress(call.title, text if is_ours else barred(text), progress, total)

    async def _follow(self, call: Call, outcome: Outcome) -> Outcome:
        """Wait on for a run whose call was answered with a handle."""
        reader = next(iter(self.hub.named(GET_RUN, call.offered.server)), None)
        if reader is None or reader.name == call.offered.name:
            return outcome
        for _ in range(_MOST_LOOKS):
            if not (outcome.goes_on and outcome.run):
                break
            call.run = outcome.run
            line = outcome.text.partition("\n")[0][:_LONGEST_PROGRESS]
            self._report_progress(call, line, 0, None, is_ours=outcome.is_ours)
            arguments = {"run": outcome.run, "wait_seconds": _WAIT_SECONDS}
            asked_at = anyio.current_time()
            outcome = await self._answer(Call(reader, arguments, run=outcome.run))
            if outcome.goes_on:  # A server need not wait, as opsmcp does.
                await anyio.sleep_until(asked_at + _LEAST_SECONDS)
        return outcome

    def _notify_late(self, call: Call, outcome: Outcome) -> None:
        """Say what came of a call that nobody waited for."""
        tool, run = call.offered.name, outcome.run or call.run
        verdict = outcome.verdict or ("failed" if outcome.is_error else "succeeded")
        said = self.words("late-run" if run else "late", tool=tool, verdict=verdict, run=run)
        if outcome.goes_on:
            said = self._left(call).text
        elif outcome.is_error and outcome.is_ours and not outcome.verdict:
            # There was no run that could have failed.
            said = f"{tool}: {outcome.text}"
        self.view.note(said)


def _with_changes(outcome: Outcome, call: Call, arguments: dict[str, Any]) -> Outcome:
    """The outcome, saying what the call was made with if that is not what was given."""
    return outcome if call.arguments == arguments else replace(outcome, changed=call.arguments)
