"""One question and all that belongs to it, in the messages of the Chat Completions API. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from opsmcp_server.copilot.llm.client import Message
from opsmcp_server.copilot.llm.json_repair import read_object
from opsmcp_server.copilot.llm.reply import ModelCall
from opsmcp_tools.safe_text.cleaning import head_and_tail
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["Turn", "tokens_of"]

_SHORTENED_RESULT = 1_500


@dataclass
class Turn:
    """What was said in it so far, what it cost, and the exit status that it deserves."""

    messages: list[Message]
    tokens: int = 0
    status: int = 0
    falls_short: bool = False
    """Whether a call of the last reply could not be made."""

    _made: Counter[str] = field(default_factory=Counter[str])

    def says(self, text: str) -> None:
        """The model said something."""
        self.messages.append({"role": "assistant", "content": text})

    def calls(self, text: str, calls: Sequence[ModelCall]) -> None:
        """The model called tools; a result for each must follow."""
        made = [
            {"id": call.call_id, "type": "function", "function": _function(call)} for call in calls
        ]
        self.messages.append({"role": "assistant", "content": text or None, "tool_calls": made})

    def results(self, calls: Sequence[ModelCall], texts: Sequence[str]) -> None:
        """What came of the calls, in their order."""
        self.messages += [
            {"role": "tool", "tool_call_id": call.call_id, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]

    def count(self, name: str, arguments: dict[str, Any]) -> int:
        """How often this very call was made, with this time."""
        key = f"{name} {json.dumps(arguments, sort_keys=True)}"
        self._made[key] += 1
        return self._made[key]

    def shorten(self) -> None:
        """Keep of each result only its ends."""
        for message in self.messages:
            if message["role"] == "tool":
                message["content"] = head_and_tail(message["content"], _SHORTENED_RESULT)

    def whole(self) -> list[Message]:
        """The messages, ended: the next question must not follow on another."""
        if self.messages[-1]["role"] == "assistant":
            return self.messages
        return [*self.messages, {"role": "assistant", "content": "(broken off)"}]


def _function(call: ModelCall) -> Message:
    # Repaired, or without arguments: endpoints refuse a history with bad JSON in it.
    return {"name": call.name, "arguments": json.dumps(read_object(call.arguments) or {})}


def tokens_of(messages: Sequence[Message]) -> int:
    """About how many tokens these cost."""
    return estimate_tokens("".join(json.dumps(one, ensure_ascii=False) for one in messages))
