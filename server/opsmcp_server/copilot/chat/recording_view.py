"""A view that keeps a transcript of what it passes on to another one."""

from dataclasses import dataclass

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.chat.transcript import Transcript
from opsmcp_server.copilot.llm.client import Endpoint
from opsmcp_server.copilot.terminal.view import View

__all__ = ["Recorded"]


@dataclass
class Recorded:
    """Keeps everything as it happens, so that nothing is lost when something fails."""

    view: View
    transcript: Transcript
    endpoint: Endpoint
    words: Words

    def asked(self, question: str) -> None:
        """Keep the question."""
        self.transcript.said(self.words("you"), question)
        self.view.asked(question)

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
        """Pass it on, masked: a model may have read a secret."""
        self.view.calling(self.transcript.mask(title))

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """Pass it on."""
        self.view.progress(self.transcript.mask(title), message, progress, total)

    def called(self, title: str, outcome: Outcome) -> None:
        """Keep the call and what came of it."""
        self.transcript.called(title, outcome.text)
        self.view.called(self.transcript.mask(title), outcome)

    def note(self, text: str) -> None:
        """Keep it, and pass it on, masked: a stranger may have written part of it."""
        self.transcript.noted(text)
        self.view.note(self.transcript.mask(text))

    def rest(self) -> None:
        """Pass it on."""
        self.view.rest()
