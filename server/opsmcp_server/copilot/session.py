"""A session: everything that a chat or a single question consists of, put together once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from opsmcp_server.copilot.calling import Caller, Outcome
from opsmcp_server.copilot.commands import Commands
from opsmcp_server.copilot.connections import Address, Hub, connect
from opsmcp_server.copilot.consent import Asking, Call
from opsmcp_server.copilot.conversation import Conversation, Limits
from opsmcp_server.copilot.endpoint import Endpoint, EndpointSettings
from opsmcp_server.copilot.interrupt import Interrupts
from opsmcp_server.copilot.person import TerminalPerson
from opsmcp_server.copilot.screen import Screen, open_view
from opsmcp_server.copilot.transcript import Transcript
from opsmcp_server.copilot.view import View
from opsmcp_server.copilot.words import Words

__all__ = ["Plan", "Session", "open_session"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to be."""

    endpoint: EndpointSettings
    limits: Limits
    words: Words
    tool_calling: str
    confirm_all: bool
    silence: bool
    secrets: Sequence[str] = field(repr=False)


@dataclass
class Session:
    """A running session."""

    plan: Plan
    conversation: Conversation
    hub: Hub
    caller: Caller
    view: View
    transcript: Transcript
    interrupts: Interrupts

    @property
    def words(self) -> Words:
        """Our own words."""
        return self.plan.words

    def commands(self, show: Callable[[str], None]) -> Commands:
        """The slash commands; text goes to `show`."""
        return Commands(self.conversation, self.hub, self.transcript, self.view, self.words, show)

    async def guard(self, work: Callable[[], Awaitable[int]]) -> int | None:
        """Do the work until Ctrl-C; then say what goes on without it."""
        status = await self.interrupts.guard(work)
        if status is None:
            self.view.rest()
            self.transcript.noted(self.words("interrupted"))
            self.view.note(self.words("interrupted"))
            for call in self.caller.left_behind():
                self._say_what_goes_on(call)
        return status

    def _say_what_goes_on(self, call: Call) -> None:
        key = "goes-on-here" if call.offered.server.in_process else "goes-on"
        text = self.words(key, run=call.run or call.offered.tool.name)
        self.transcript.noted(text)
        self.view.note(text)


@asynccontextmanager
async def open_session(plan: Plan, addresses: Sequence[Address]) -> AsyncGenerator[Session]:
    """Connect to the servers and be ready to ask.

    Raises:
        CopilotError: The settings do not do, or a server cannot be reached.
    """
    words = plan.words
    endpoint = Endpoint(plan.endpoint, words)
    view, transcript, interrupts = _view(plan), Transcript(plan.secrets), Interrupts()
    pause = view.pause if isinstance(view, Screen) else _nothing
    asking = Asking(TerminalPerson(pause, interrupts.hit), words)

    def on_late(call: Call, outcome: Outcome) -> None:
        verdict = outcome.verdict or ("failed" if outcome.is_error else "succeeded")
        text = words("late", tool=call.offered.tool.name, verdict=verdict)
        transcript.noted(text)
        view.note(text)

    try:
        async with (
            connect(addresses, asking.elicited, words) as hub,
            anyio.create_task_group() as group,
        ):
            caller = Caller(
                hub, asking, group, words, confirm_all=plan.confirm_all, on_late=on_late
            )
            conversation = Conversation(
                endpoint,
                hub,
                caller,
                view,
                transcript,
                words,
                plan.limits,
                tool_calling=plan.tool_calling,
            )
            yield Session(plan, conversation, hub, caller, view, transcript, interrupts)
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await endpoint.close()


def _view(plan: Plan) -> View:
    return open_view(plan.words, silence=plan.silence)


def _nothing() -> None:
    """A pipe has nothing that moves."""
