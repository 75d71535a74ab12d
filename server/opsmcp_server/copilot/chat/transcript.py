"""The transcript: everything that was asked, answered, called and refused, as Markdown.

Kept as it happens, so that nothing is lost when something fails. Secrets that opsmcp knows are
masked in it; so are terminal codes.
"""

import re
from collections.abc import Iterable

from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Transcript"]

_MOST_CHARACTERS = 8 * 1024 * 1024
_TICKS = re.compile("`{3,}")


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
