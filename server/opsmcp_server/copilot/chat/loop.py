"""The chat: reads lines with prompt_toolkit, answers them, until the person leaves."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import anyio
from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

from opsmcp_server.copilot.base.errors import CopilotError
from opsmcp_server.copilot.chat.commands import Commands
from opsmcp_server.copilot.chat.session import Session
from opsmcp_server.copilot.terminal.completion import ChatCompleter, Names

__all__ = ["chat"]

_LEAVING = frozenset({"exit", "q", "quit"})
_PROMPT = FormattedText([("", "\n"), ("bold ansicyan", "ops> ")])


async def chat(session: Session, history_file: Path) -> int:
    """Talk until the person leaves; returns 0."""
    words, hub = session.words, session.caller.hub
    session.view.note(words("welcome", tools=len(hub.tools), model=session.endpoint.model))
    if not hub.has_operations:
        session.view.note(words("no-operations"))
    names = Names(hub)
    commands = Commands(session)
    prompt: PromptSession[str] = PromptSession(
        history=_open_history(history_file),
        completer=ChatCompleter(hub, commands.names, names),
        complete_while_typing=False,
        key_bindings=_keys(),
        prompt_continuation="...  ",
    )
    async with anyio.create_task_group() as group:
        group.start_soon(names.keep_fresh)
        while (line := await _read(session, prompt)) is not None:
            if line:
                await _answer(session, commands, line)
                names.age()
        group.cancel_scope.cancel()
    session.say_what_ends()
    return 0


async def _read(session: Session, prompt: "PromptSession[str]") -> str | None:
    """A line; None when the person leaves."""
    while True:
        try:
            with patch_stdout(raw=True):
                line = await prompt.prompt_async(_PROMPT, handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            session.interrupts.hit()
            if session.interrupts.count > 1:
                return None
            session.view.note(session.words("again-leaves"))
            continue
        session.interrupts.count = 0
        return None if line.strip().lower() in _LEAVING else line.strip()


async def _answer(session: Session, commands: Commands, line: str) -> None:
    async def work() -> int:
        if line.startswith("/"):
            return await commands.do(line)
        return await session.conversation.ask(line)

    try:
        await session.guard(work)
    except CopilotError as error:
        session.view.note(str(error))


def _open_history(file: Path) -> History:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return _KeptHistory(str(file))


class _KeptHistory(FileHistory):
    """What was typed, from day to day. A full disk is a reason to chat, not to end it."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return ()

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
