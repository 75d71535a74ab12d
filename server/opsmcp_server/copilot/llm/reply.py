"""One answer of a model, put together from the pieces of a stream. Pure.

Endpoints differ: the index of a call is missing or always 0, ids come late, arguments come in
pieces or whole. Source: the Chat Completions API of OpenAI, and what others make of it.
"""

import json
from dataclasses import dataclass, field

__all__ = ["CallPiece", "ModelCall", "Piece", "Reply"]

_MOST_ARGUMENT_CHARACTERS = 256 * 1024
_MOST_CALLS = 32
_WHOLE = frozenset(
    {"stop", "tool_calls", "tool_call", "function_call", "tool_use", "end_turn", "complete", "eos"}
)
"""Why a reply ends that is whole, in the words of different endpoints."""

_CUT = frozenset({"limit", "length", "content_filter"})


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A part of a tool call."""

    index: int | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk of a stream says."""

    text: str = ""
    refusal: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish: str = ""
    tokens: int = 0
    """What question and answer cost, as the endpoint counts; 0 where it does not say."""


@dataclass(slots=True)
class ModelCall:
    """A tool call as the model wrote it: `arguments` are JSON, perhaps bad."""

    call_id: str
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Reply:
    """What came so far; `limit` bounds the text in characters."""

    limit: int
    refusal: str = ""
    finish: str = ""
    tokens: int = 0
    """As in `Piece`."""

    cut: bool = False
    """Whether more came than is read."""

    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    _texts: list[str] = field(default_factory=list[str])
    _length: int = 0

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def cut_by(self) -> str:
        """What ended it before its end: `limit`, or the endpoint's reason; empty when whole."""
        if self.cut:
            return "limit"
        return "" if self.finish.lower() in _WHOLE else self.finish

    def cuts(self, call: ModelCall) -> bool:
        """Whether something may be missing of a call, or beside it.

        Of a reply that ends for an unknown reason, calls count that need no repair: no beginning
        of a JSON object is one itself.
        """
        return self.cut_by in _CUT or (bool(self.cut_by) and not _is_whole(call.arguments))

    def reread(self, text: str, calls: list[ModelCall]) -> None:
        """Take what came to mean this."""
        self._texts, self.calls = [text], calls[:_MOST_CALLS]
        self.cut |= len(calls) > _MOST_CALLS

    def add(self, piece: Piece) -> str:
        """Take one piece; returns the text of it that still fits."""
        self.refusal += piece.refusal[: self.limit - len(self.refusal)]
        self.finish = piece.finish or self.finish
        self.tokens = piece.tokens or self.tokens
        for part in piece.calls:
            self._add_call(part)
        text = piece.text[: self.limit - self._length]
        self.cut |= len(text) < len(piece.text)
        self._length += len(text)
        if text:
            self._texts.append(text)
        return text

    def _add_call(self, part: CallPiece) -> None:
        call = self._belongs_to(part)
        if call is None:
            if len(self.calls) >= _MOST_CALLS:
                self.cut = True
                return
            call = ModelCall(part.call_id or f"call-{len(self.calls) + 1}")
            self.calls.append(call)
        call.name = call.name or part.name
        room = _MOST_ARGUMENT_CHARACTERS - len(call.arguments)
        call.arguments += part.arguments[:room]
        self.cut |= len(part.arguments) > room

    def _belongs_to(self, part: CallPiece) -> ModelCall | None:
        """The call that this part continues; None when it begins one."""
        known = next((call for call in self.calls if part.call_id == call.call_id), None)
        if known is not None:
            return known
        if part.index is None:
            return None if part.call_id or part.name or not self.calls else self.calls[-1]
        if part.index >= len(self.calls):
            return None
        at = self.calls[part.index]
        # Some endpoints count every call as 0; others repeat the name in each piece.
        another = part.name and at.name and (part.call_id or _is_whole(at.arguments))
        return None if another else at


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True
