"""What the chat shows, as a Protocol: a terminal, lines in a pipe, a record. Nothing here draws."""

from typing import Protocol

from opsmcp_server.copilot.base.outcome import Outcome

__all__ = ["View"]


class View(Protocol):
    """Hears what happens, in the order in which it does. All text that comes is raw."""

    def asked(self, question: str) -> None:
        """The person asked something."""
        ...

    def thinking(self) -> None:
        """The model was asked."""
        ...

    def text(self, piece: str) -> None:
        """A piece of the model's text."""
        ...

    def end_text(self, text: str, *, final: bool) -> None:
        """The text, of which all pieces came, has ended; `final` when it is the answer."""
        ...

    def calling(self, title: str) -> None:
        """A tool is called."""
        ...

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """The call of that title goes on; of `total`, when it is known, so much is done."""
        ...

    def called(self, title: str, outcome: Outcome) -> None:
        """A call has ended, or nobody waits for it any more."""
        ...

    def note(self, text: str) -> None:
        """A sentence of our own."""
        ...

    def rest(self) -> None:
        """Nothing goes on any more, whatever happened: take down what moves."""
        ...
