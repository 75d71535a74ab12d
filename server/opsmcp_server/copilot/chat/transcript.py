"""The transcript: everything that was asked, answered, called and refused, as Markdown.

Kept as it happens, so that nothing is lost when something fails. Secrets that opsmcp knows are
masked in it; so are terminal codes. It is written for its owner alone, and never over other files.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm.client import Endpoint
from opsmcp_server.copilot.terminal.view import View
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Recorded", "Saved", "Transcript"]

_MOST_CHARACTERS = 8 * 1024 * 1024
_TICKS = re.compile("`{3,}")

_State = tuple[int, int, int, int]


class Transcript:
    """What happened in this chat, bounded: the oldest entries go first."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Mask these values wherever they occur."""
        self._masker = Masker(secrets)
        self._entries: list[str] = []
        self._length = 0

    def mask(self, text: str) -> str:
        """The text, clean and without secrets."""
        return self._masker.text(clean(text))

    def said(self, who: str, text: str) -> None:
        """Somebody said something."""
        self._add(f"## {who}\n\n{self.mask(text).strip()}")

    def noted(self, text: str) -> None:
        """Something of note happened."""
        self._add(f"> {' '.join(self.mask(text).split())}")

    def called(self, title: str, text: str) -> None:
        """A tool was called, and this came back."""
        body = self.mask(text).strip()
        longest = max((len(found[0]) for found in _TICKS.finditer(body)), default=2)
        ticks = "`" * (longest + 1)
        self._add(f"### {self.mask(title)}\n\n{ticks}text\n{body}\n{ticks}")

    def _add(self, entry: str) -> None:
        self._entries.append(entry)
        self._length += len(entry)
        while self._length > _MOST_CHARACTERS and len(self._entries) > 1:
            self._length -= len(self._entries.pop(0))

    def markdown(self) -> str:
        """All of it."""
        return "\n\n".join(["# opsmcp copilot", *self._entries]) + "\n"


@dataclass
class Recorded(View):
    """Keeps what happens in the transcript and passes it on to a view, masked.

    A model may have read a secret, and a stranger may have written part of a note.
    """

    view: View
    transcript: Transcript
    endpoint: Endpoint
    words: Words

    def asked(self, question: str) -> None:
        """Keep the question; it stands there as it was typed."""
        self.transcript.said(self.words("you"), question)

    def thinking(self) -> None:
        """Pass it on."""
        self.view.thinking()

    def text(self, piece: str) -> None:
        """Pass it on; it is kept once it has ended."""
        self.view.text(piece)

    def end_text(self, text: str, *, final: bool) -> None:
        """Keep what the model said, whole or broken off."""
        if text.strip():
            self.transcript.said(self.endpoint.model, text)
        self.view.end_text(text, final=final)

    def calling(self, title: str) -> None:
        """Pass it on."""
        self.view.calling(self.transcript.mask(title))

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """Pass it on."""
        self.view.progress(self.transcript.mask(title), message, progress, total)

    def called(self, title: str, outcome: Outcome) -> None:
        """Keep the call and what came of it."""
        self.transcript.called(title, outcome.text)
        self.view.called(self.transcript.mask(title), outcome)

    def note(self, text: str) -> None:
        """Keep it."""
        self.transcript.noted(text)
        self.view.note(self.transcript.mask(text))

    def answer(self, text: str) -> None:
        """Pass it on."""
        self.view.answer(text)

    def rest(self) -> None:
        """Pass it on."""
        self.view.rest()


class Saved:
    """Writes files. One that it wrote, and that nobody changed since, it writes anew."""

    def __init__(self) -> None:
        """Begin with none."""
        self._written: set[_State] = set()

    def write(self, path: Path, text: str) -> None:
        """Write the text to a file that only its owner can read.

        Raises:
            FileExistsError: There is one already, and not as this chat left it.
            OSError: It cannot be written.
        """
        opened = self._open(path.expanduser())
        with os.fdopen(opened, "wb", buffering=0) as file:
            left = memoryview(text.encode("utf-8", "replace"))
            try:
                os.ftruncate(opened, 0)
                os.fchmod(opened, 0o600)
                while left:
                    left = left[file.write(left) :]
            finally:
                self._written.add(_state(opened))

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.is_symlink():
                raise
            # Without waiting for whoever reads a pipe, if it is one.
            opened = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            if _state(opened) in self._written:
                return opened
            os.close(opened)
            raise


def _state(opened: int) -> _State:
    """Which file it is, and how it was left."""
    found = os.fstat(opened)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
