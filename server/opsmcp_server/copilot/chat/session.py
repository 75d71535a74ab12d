"""A session: everything that a chat or a single question consists of, put together once."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from opsmcp_server.config.groups.copilot import Copilot
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.caller import Caller
from opsmcp_server.copilot.calls.consent import ConsentPrompt
from opsmcp_server.copilot.calls.origin import Origins
from opsmcp_server.copilot.chat.conversation import Conversation
from opsmcp_server.copilot.chat.model_calls import Dispatch
from opsmcp_server.copilot.chat.transcript import Recorded, Transcript
from opsmcp_server.copilot.llm.client import Endpoint, EndpointSettings
from opsmcp_server.copilot.llm.requests import Replies
from opsmcp_server.copilot.servers.connection import Address
from opsmcp_server.copilot.servers.hub import connect
from opsmcp_server.copilot.terminal.person import Interrupts, TerminalPerson, unechoed
from opsmcp_server.copilot.terminal.screen import Screen
from opsmcp_server.copilot.terminal.view import Plain, View

__all__ = ["Plan", "Session", "open_session"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to be."""

    endpoint: EndpointSettings
    settings: Copilot
    most_tools: int
    """Number of tools above which a search is offered in their place."""

    words: Words
    silence: bool
    secrets: Sequence[str] = field(repr=False)
    options: Sequence[str] = ()
    """The options of a command line that mean the same source and settings."""


@dataclass
class Session:
    """A running session."""

    words: Words
    conversation: Conversation
    endpoint: Endpoint
    caller: Caller
    view: View
    transcript: Transcript
    interrupts: Interrupts

    async def guard(self, work: Callable[[], Awaitable[int]]) -> int | None:
        """The status of the work; None when Ctrl-C ended it, which is said."""
        with unechoed():
            status = await self.interrupts.guard(work)
        if status is None:
            self.view.rest()
            self.view.note(self.words("interrupted"))
        return status

    async def ask_once(self, question: str, context: str) -> int | None:
        """As `guard`, for a question with which the session ends."""
        self.caller.is_last = True
        return await self.guard(lambda: self.conversation.ask(question, context))

    def say_what_ends(self) -> None:
        """Tell of the runs that live in this process, and so end with it."""
        for call in self.caller.unfinished:
            if call.offered.server.in_process and call.run:
                self.view.note(self.words("ends-with-us", run=call.run))


@asynccontextmanager
async def open_session(plan: Plan, addresses: Sequence[Address]) -> AsyncGenerator[Session]:
    """Connect to the servers and be ready to ask.

    Raises:
        CopilotError: The settings do not do, or a server cannot be reached.
    """
    words, interrupts, transcript = plan.words, Interrupts(), Transcript(plan.secrets)
    # What suits stdout: a terminal or a pipe.
    shown = (Screen if sys.stdout.isatty() else Plain)(words, silence=plan.silence)
    asking = ConsentPrompt(TerminalPerson(words, shown.quiet, interrupts), words)
    async with (
        Endpoint(plan.endpoint, plan.words, transcript.mask) as endpoint,
        connect(addresses, asking.elicited, words) as hub,
        anyio.create_task_group() as group,
    ):
        group.start_soon(shown.animate)
        view = Recorded(shown, transcript, endpoint, words)
        caller = Caller(
            hub,
            asking,
            Origins(strangers=not all(one.trusted for one in addresses)),
            group,
            view,
            words,
            confirm_all=plan.settings.confirm == "all",
            options=plan.options,
        )
        conversation = Conversation(
            Replies(endpoint, view, words, plan.settings.tool_calling),
            Dispatch(caller, plan.most_tools),
            caller,
            view,
            words,
            plan.settings,
        )
        yield Session(words, conversation, endpoint, caller, view, transcript, interrupts)
        group.cancel_scope.cancel()
