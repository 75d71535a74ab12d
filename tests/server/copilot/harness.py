"""The chat in this process: the command line as it is, its output caught, or on a real terminal.

A process of its own costs a second, most of it imports; `tests.server.cli.process` has those for
what only they can show: signals, the pager, resized windows.
"""

import io
import os
import pty
import termios
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pexpect
import pyte
from pexpect import fdpexpect
from prompt_toolkit.application import create_app_session
from pyte.screens import Char

from opsmcp_server.cli import run
from tests.measured import MEASURED
from tests.server.cli.process import COMMAND, Opsmcp

SECONDS = 60
PROMPT = "ops>"
_BRACKETED_PASTE = 2004 << 5
"""As pyte has private modes."""

_PROMPT_LEFT = "\x1b[?2004l"
"""What a line editor sends when a line is done; before that it draws the line once more."""


@dataclass(frozen=True)
class Done:
    """What a question came to."""

    status: int
    out: str
    err: str


class _Screen(pyte.HistoryScreen):
    def select_graphic_rendition(self, *attrs: int, **kwargs: Any) -> None:
        """Faint is grey: pyte does not know it."""
        known = attrs if {38, 48} & set(attrs) else [90 if code == 2 else code for code in attrs]
        super().select_graphic_rendition(*known, **kwargs)


class Eye:
    """What a person sees on a terminal of so many lines and columns, and what scrolled off it."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._screen = _Screen(size[1], size[0], history=5_000, ratio=1)
        self.write = pyte.Stream(self._screen).feed

    def flush(self) -> None:
        """It is a file to pexpect."""

    def resize(self, lines: int, columns: int) -> None:
        self._screen.resize(lines, columns)

    @property
    def is_prompted(self) -> bool:
        """Whether a line editor reads: it wants to know what is pasted."""
        return _BRACKETED_PASTE in self._screen.mode

    @property
    def rows(self) -> list[list[Char]]:
        """Every character, with its colours."""
        screen = self._screen
        below = (screen.buffer[place] for place in range(screen.lines))
        rows = [*screen.history.top, *below]
        return [[row[place] for place in range(screen.columns)] for row in rows]

    @property
    def lines(self) -> list[str]:
        return ["".join(char.data for char in row).rstrip() for row in self.rows]

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    @property
    def title(self) -> str:
        return self._screen.title


class Terminal:
    """The person's side of a pseudo-terminal."""

    def __init__(self, child: Any, size: tuple[int, int]) -> None:
        self._child = child
        self.eye = child.logfile_read = Eye(size)

    def send(self, text: str) -> None:
        self._child.send(text)

    def expect(self, words: str) -> str:
        """Wait for these words; returns what was sent to the screen before them."""
        self._child.expect_exact(words)
        return str(self._child.before)

    def ask(self, line: str, words: str) -> str:
        """Type a line once there is a prompt and wait for words; returns what came before them."""
        while not self.eye.is_prompted:
            self._child.expect("(?s).")
        self.send(f"{line}\r")
        self.expect(_PROMPT_LEFT)
        return self.expect(words)

    def see(self, words: str) -> None:
        """Wait until these words stand on the screen, however they came there."""
        while words not in self.shown:
            self._child.expect("(?s).")

    @property
    def shown(self) -> str:
        return self.eye.shown


Person = Callable[[Terminal], None]
"""What a person does at a terminal, up to leaving."""


@contextmanager
def spawned(
    opsmcp: Opsmcp,
    *arguments: str,
    size: tuple[int, int] = (40, 120),
    environ: Mapping[str, str] | None = None,
) -> Generator[Any]:
    """A process on a terminal of its own, which sends it the signals of its keys."""
    spawn: Any = pexpect.spawn
    child = spawn(
        COMMAND[0],
        [*COMMAND[1:], "copilot", *arguments],
        env={**MEASURED, **opsmcp.environment(), **(environ or {})},
        cwd=str(opsmcp.folder),
        timeout=SECONDS,
        dimensions=size,
        encoding="utf-8",
    )
    child.delaybeforesend = None
    try:
        yield child
    finally:
        child.close(force=True)


@contextmanager
def chatting(opsmcp: Opsmcp, *arguments: str, **environ: str) -> Generator[Any]:
    """A chat in a process of its own, at its first prompt."""
    with spawned(opsmcp, *arguments, environ=environ) as child:
        child.expect(PROMPT)
        yield child


def leave(child: Any) -> int:
    """Leave the chat by Ctrl-D; its exit status."""
    child.sendeof()
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


@dataclass(frozen=True)
class Copilot:
    """`opsmcp copilot` in this process, with a folder and an environment of its own."""

    opsmcp: Opsmcp

    @property
    def folder(self) -> Path:
        return self.opsmcp.folder

    @property
    def marker(self) -> Path:
        return self.opsmcp.marker

    def having(self, **environ: str) -> "Copilot":
        """The same with more in its environment."""
        return Copilot(replace(self.opsmcp, environ={**self.opsmcp.environ, **environ}))

    def __call__(self, *arguments: str, piped: bytes = b"") -> Done:
        """Ask without a terminal."""
        out, err = io.StringIO(), io.StringIO()
        stdin = io.TextIOWrapper(io.BytesIO(piped), encoding="utf-8")
        with self.opsmcp.surroundings(stdin), redirect_stdout(out), redirect_stderr(err):
            status = run(["copilot", *arguments])
        return Done(status, out.getvalue(), err.getvalue())

    def chat(self, person: Person, *arguments: str, size: tuple[int, int] = (40, 120)) -> int:
        """The status of a chat on a terminal at which this person sits, and leaves at the end."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, size)
        seat = _Seat(ours, person, size)
        seat.start()
        try:
            with (
                open(theirs, encoding="utf-8", closefd=False) as stdin,
                open(theirs, "w", encoding="utf-8", closefd=False) as out,
                self.opsmcp.surroundings(stdin),
                redirect_stdout(out),
                redirect_stderr(out),
                create_app_session(),
            ):
                return run(["copilot", *arguments])
        finally:
            os.close(theirs)
            seat.join()


class _Seat(threading.Thread):
    """The person at the terminal, in a thread; what goes wrong there comes out of `join`."""

    def __init__(self, terminal: int, person: Person, size: tuple[int, int]) -> None:
        super().__init__(daemon=True)
        self._size = size
        self._terminal = terminal
        self._person = person
        self._failure: BaseException | None = None

    def run(self) -> None:
        spawn: Any = fdpexpect.fdspawn
        with closing(spawn(self._terminal, timeout=SECONDS, encoding="utf-8")) as child:
            child.delaybeforesend = None
            try:
                terminal = Terminal(child, self._size)
                terminal.expect(PROMPT)
                self._person(terminal)
                child.send("\x15exit\r")
                child.expect(pexpect.EOF)
            except (AssertionError, pexpect.ExceptionPexpect) as failure:
                self._failure = failure

    def join(self, timeout: float | None = SECONDS) -> None:
        super().join(timeout)
        if self._failure is not None:
            raise self._failure
