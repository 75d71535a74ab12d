"""The person at the terminal: questions with one letter for an answer, and lines."""

import sys
import termios
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property

from prompt_toolkit import PromptSession
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.output import create_output
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from opsmcp_tools.text import clean

__all__ = ["TerminalPerson"]

_YES_AND_NO = {"yes": "y", "no": "n", "是": "y", "好": "y", "否": "n", "不": "n"}
_MOST_TRIES = 10


class TerminalPerson:
    """Asks on the terminal that stdin is; not in a pipe."""

    def __init__(
        self,
        quiet: Callable[[], AbstractContextManager[None]],
        interrupted: Callable[[], None],
    ) -> None:
        """Ask a person.

        Args:
            quiet: Keeps still what moves on the terminal.
            interrupted: Called when the person presses Ctrl-C in place of an answer.
        """
        self._quiet = quiet
        self._interrupted = interrupted

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a terminal to ask on."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    async def choose(self, question: str, choices: str, hint: str) -> str:
        """One of the letters; "n" for Ctrl-C, Ctrl-D, an empty line and endless nonsense."""
        with self._quiet():
            self._show(question)
            for _ in range(_MOST_TRIES):
                answer = (await self._read(f"{hint} [{'/'.join(choices)}] ")).strip().lower()
                letter = _YES_AND_NO.get(answer, answer)
                if not letter:
                    return "n"
                if len(letter) == 1 and letter in choices:
                    return letter
        return "n"

    def _show(self, question: str) -> None:
        head, _, rest = clean(question).partition("\n")
        console = Console(stderr=True, highlight=False)
        console.print(Text(f"\n{head}", style="bold yellow"), Text(rest), sep="\n")
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
        output = create_output(sys.stdout if sys.stdout.isatty() else sys.stderr)
        return PromptSession(output=output)

    async def _read(self, prompt: str) -> str:
        try:
            # What other calls have to say meanwhile stands above the question.
            with patch_stdout(raw=True):
                return await self._prompt.prompt_async(prompt, handle_sigint=False)
        except EOFError:
            return ""
        except KeyboardInterrupt:
            self._interrupted()
            return ""
