"""The person at the terminal: questions with one letter for an answer, lines, and the pager.

A question that is longer than the screen is cut with a mark that says how much is left, and cannot
be agreed to before all of it was shown. The first Ctrl-C stops what is under way, a second one
leaves; other keys are kept for whoever reads next, but not shown in the middle of what is drawn.
"""

import os
import signal
import sys
import termios
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property

import anyio.to_thread
import click
from anyio.abc import TaskStatus
from prompt_toolkit import PromptSession
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.output import create_output
from prompt_toolkit.patch_stdout import patch_stdout
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.view import rows_of
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Interrupts", "TerminalPerson", "page", "unechoed"]

_YES_AND_NO = {"yes": "y", "no": "n", "是": "y", "好": "y", "否": "n", "不": "n"}
_CHOICES = {"y": "yes", "n": "no", "e": "edit-choice", "a": "all"}
"""What each letter means, by its words."""

_MOST_TRIES = 10
_FEWEST_ROWS = 2
_NARROWEST = 10

_LOCAL_MODES = 3
"""Where `tcgetattr` has them."""


class Interrupts:
    """Runs work that Ctrl-C stops; `count` is how often it was pressed since the last line."""

    def __init__(self) -> None:
        """Begin undisturbed."""
        self.count = 0
        self._ignored = False
        self._scope: anyio.CancelScope | None = None

    def hit(self) -> None:
        """Ctrl-C was pressed."""
        if self._ignored:
            return
        self.count += 1
        if self._scope is not None:
            self._scope.cancel()

    @contextmanager
    def ignored(self) -> Generator[None]:
        """Ctrl-C is somebody else's for as long as the block lasts."""
        self._ignored = True
        try:
            yield
        finally:
            self._ignored = False

    async def guard(self, work: Callable[[], Awaitable[int]]) -> int | None:
        """The status of the work; None when it was stopped. Its errors come as they are."""
        status: int | None = None
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            await group.start(self._watch)
            with anyio.CancelScope() as self._scope:
                try:
                    status = await work()
                # Carried out of the task group, which would wrap it.
                except Exception as error:  # noqa: BLE001
                    failure = error
            self._scope = None
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return status

    async def _watch(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                self.hit()


class TerminalPerson:
    """Asks on the terminal that stdin is; not in a pipe."""

    def __init__(
        self,
        words: Words,
        quiet: Callable[[], AbstractContextManager[None]],
        interrupts: Interrupts,
    ) -> None:
        """Ask a person.

        Args:
            words: The language to ask in.
            quiet: Keeps still what moves on the terminal, and holds back what comes.
            interrupts: Told when the person presses Ctrl-C in place of an answer.
        """
        self._words = words
        self._quiet = quiet
        self._interrupts = interrupts

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a terminal to ask on."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    async def choose(self, name: str, question: str, choices: str) -> str:
        """One of the letters; "n" for Ctrl-C, Ctrl-D, an empty line and endless nonsense.

        Args:
            name: What is asked about, to stand beside the choices.
            question: Lines. Where they do not fit "y" is offered only once all of them were shown.
            choices: Some of `yne`.
        """
        with self._quiet():
            unseen = choices.replace("y", "a")
            offered = choices if self._show(question, self._prompt_for(name, unseen)) else unseen
            for _ in range(_MOST_TRIES):
                answer = (await self._read(self._prompt_for(name, offered))).strip().lower()
                letter = _YES_AND_NO.get(answer, answer)
                if not letter:
                    return "n"
                if len(letter) != 1 or letter not in offered:
                    continue
                if letter != "a":
                    return letter
                await self._show_all(question)
                offered = f"{choices}a"
        return "n"

    def _prompt_for(self, name: str, letters: str) -> str:
        meanings = ", ".join(self._words(_CHOICES[letter]) for letter in letters)
        return f"{name}: {meanings} [{'/'.join(letters)}] "

    def _show(self, question: str, prompt: str) -> bool:
        """Show as much as there is room for above the prompt; whether that is all."""
        console = Console(stderr=True, highlight=False)
        width = max(_NARROWEST, console.width)
        rows = rows_of(clean(question), width)
        # An empty line before it, and the prompt with the place for the answer.
        room = console.height - 2 - cell_len(prompt) // width
        fits = len(rows) <= room
        room_with_mark = room - 1 - cell_len(self._more(rows)) // width
        shown = rows if fits else rows[: max(_FEWEST_ROWS, room_with_mark)]
        console.print(Text(f"\n{shown[0]}", style="bold yellow"), *map(Text, shown[1:]), sep="\n")
        if not fits:
            console.print(Text(self._more(rows[len(shown) :]), style="bold yellow"))
        self._forget_what_was_typed()
        return fits

    def _more(self, rows: Sequence[str]) -> str:
        characters = sum(len(row.strip()) for row in rows)
        return self._words("more", lines=len(rows), characters=characters)

    async def _show_all(self, question: str) -> None:
        text = f"{clean(question)}\n"
        if sys.stdout.isatty():
            await page(text, self._interrupts)
        else:
            # stdout is for the answer.
            click.echo(text, err=True)
        self._forget_what_was_typed()

    async def line(self, prompt: str) -> str:
        """A line; empty for Ctrl-C and Ctrl-D."""
        with self._quiet():
            return await self._read(f"{prompt}: ")

    def _forget_what_was_typed(self) -> None:
        """Nobody has agreed to what they had not yet seen."""
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
        clear_typeahead(self._prompt.input)

    @cached_property
    def _prompt(self) -> PromptSession[str]:
        # Its own choice knows terminals that take no codes.
        return PromptSession(output=None if sys.stdout.isatty() else create_output(sys.stderr))

    async def _read(self, prompt: str) -> str:
        try:
            # What is logged meanwhile stands above the question.
            with patch_stdout(raw=True):
                return await self._prompt.prompt_async(prompt, handle_sigint=False)
        except EOFError:
            return ""
        except KeyboardInterrupt:
            self._interrupts.hit()
            return ""


async def page(text: str, interrupts: Interrupts) -> None:
    """Show clean text until the person has seen enough."""
    # Ctrl-C is the pager's as long as it is there.
    with interrupts.ignored():
        await anyio.to_thread.run_sync(click.echo_via_pager, text)


@contextmanager
def unechoed() -> Generator[None]:
    """The terminal repeats no keys while the block lasts; line editors show them themselves."""
    if not (sys.stdin.isatty() and _is_ours()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    changed = before.copy()
    changed[_LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        if _is_ours():
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _is_ours() -> bool:
    """Whether the terminal may be changed: not from the background, where that would stop us."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it controls nobody
        return True
