"""Conversation: what a model was told of an incident, what it said and called, and what that cost.

Frozen data; whoever leads it keeps it after each step, so that another process can go on. Messages
are those of the Chat Completions API. Secrets are masked before anything comes in here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from opsmcp_tools.safe_text.cleaning import head_and_tail

__all__ = ["MOST_BYTES", "Call", "Conversation", "Line", "conversation_of", "text_of"]

MOST_BYTES = 1024 * 1024
"""Of a conversation as it is kept."""

_SHORTENED = (1_500, 200)
"""Characters that are left of a result when there is no room, and when there still is none."""

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the model that has no result yet; `arguments` are JSON.

    `number` counts the calls of the incident. `problem` says why it cannot be made. `asked_in` is
    empty until it was asked for as a change: then it names the attempt in which that was.
    """

    number: int
    call_id: str
    name: str
    arguments: str
    problem: str = ""
    asked_in: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a conversation for people: `who` is `opsmcp`, `model`, `call` or `result`."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All of it so far.

    `turns` counts the answers of the model, `unread` those in a row that could not be used, and
    `seconds` is how long it took. `runs` are those that only read. `diagnosis` is what the model
    ended with; empty while it has not.
    """

    messages: tuple[Message, ...] = ()
    pending: tuple[Call, ...] = ()
    calls: int = 0
    turns: int = 0
    unread: int = 0
    tokens: int = 0
    seconds: float = 0.0
    runs: tuple[str, ...] = ()
    diagnosis: str = ""

    @property
    def so_far(self) -> str:
        """What the model thinks it is: its diagnosis, else what it said last."""
        said = (one["content"] for one in reversed(self.messages) if one["role"] == "assistant")
        return self.diagnosis or next((text for text in said if text), "")

    def told(self, text: str) -> "Conversation":
        """The same, with a message of ours."""
        return replace(self, messages=(*self.messages, {"role": "user", "content": text}))

    def said(self, text: str, calls: Sequence[Call] = ()) -> "Conversation":
        """The same, with an answer of the model."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message |= {"content": text or None, "tool_calls": [_as_message(one) for one in calls]}
        return replace(
            self,
            messages=(*self.messages, message),
            pending=tuple(calls),
            calls=self.calls + len(calls),
            turns=self.turns + 1,
        )

    def asked(self, attempt: str) -> "Conversation":
        """The same, with the first call without a result asked for as a change."""
        first, *others = self.pending
        return replace(self, pending=(replace(first, asked_in=attempt), *others))

    def answered(self, text: str, run: str = "") -> "Conversation":
        """The same, with the result of the first call that has none."""
        first, *others = self.pending
        result = {"role": "tool", "tool_call_id": first.call_id, "content": text}
        runs = (*self.runs, run) if run and run not in self.runs else self.runs
        return replace(self, messages=(*self.messages, result), pending=tuple(others), runs=runs)

    def lines(self) -> Iterator[Line]:
        """All of it, for people."""
        for message in self.messages:
            text: str = message["content"] or ""
            match message["role"]:
                case "assistant":
                    yield from [Line("model", text)] if text else []
                    for call in message.get("tool_calls", ()):
                        function = call["function"]
                        yield Line("call", f"{function['name']} {function['arguments']}")
                case "tool":
                    yield Line("result", text)
                case _:
                    yield Line("opsmcp", text)


def _as_message(call: Call) -> Message:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.call_id, "type": "function", "function": function}


def text_of(conversation: Conversation) -> str:
    """A conversation as it is kept. Where there is no room, the oldest results lose their middle.

    Raises:
        ValueError: There is no room for what is left.
    """
    text = _encoded(conversation)
    for limit in _SHORTENED:
        messages = list(conversation.messages)
        for place, message in enumerate(messages):
            if len(text.encode()) <= MOST_BYTES:
                return text
            if message["role"] == "tool" and len(message["content"]) > limit:
                shorter = head_and_tail(message["content"], limit)
                messages[place] = {**message, "content": shorter}
                text = _encoded(replace(conversation, messages=tuple(messages)))
        conversation = replace(conversation, messages=tuple(messages))
    if len(text.encode()) > MOST_BYTES:
        raise ValueError("the conversation is too long to be kept")
    return text


def _encoded(conversation: Conversation) -> str:
    return json.dumps(asdict(conversation), ensure_ascii=False)


def conversation_of(text: str) -> Conversation:
    """The conversation that was kept so."""
    known: dict[str, Any] = json.loads(text)
    known["messages"], known["runs"] = tuple(known["messages"]), tuple(known["runs"])
    known["pending"] = tuple(Call(**one) for one in known["pending"])
    return Conversation(**known)
