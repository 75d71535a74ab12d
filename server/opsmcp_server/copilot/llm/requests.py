"""One question in the messages of the API, and the model's replies to it: asked for, and shown.

What can be mended is mended once each: an endpoint without tool calling is asked for JSON, a
conversation that is too long is shortened, a stream that dropped before it said anything is begun
again. Knows nothing of what is done with the calls in a reply.
"""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from opsmcp_server.copilot.base.errors import (
    ContextOverflow,
    CopilotError,
    NoToolCalling,
    StreamDropped,
)
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm import json_text
from opsmcp_server.copilot.llm.client import Endpoint, Message
from opsmcp_server.copilot.llm.reply import ModelCall, Reply
from opsmcp_server.copilot.terminal.view import View
from opsmcp_tools.safe_text.cleaning import clean, head_and_tail
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["LONGEST_ANSWER", "Prompt", "Replies", "Turn"]

LONGEST_ANSWER = 256 * 1024
"""Characters of an answer that are read."""

_SHORTENED_RESULT = 1_500


@dataclass
class Turn:
    """What was said to a question so far, what it cost, and the exit status that it deserves."""

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
    arguments = json_text.read_object(call.arguments) or {}
    return {"name": call.name, "arguments": json.dumps(arguments)}


@dataclass
class Prompt:
    """What goes to the model besides the turn: it may be cut when it is too long."""

    system: str
    earlier: list[Message]
    tools: Sequence[Message]


@dataclass
class Replies:
    """Asks the model. `tool_calling` is `auto`, `native` or `json`, as the settings have it."""

    endpoint: Endpoint
    view: View
    words: Words
    tool_calling: str = "auto"
    _without_tools: set[str] = field(default_factory=set[str])
    """The models that were found to take no tools."""

    async def reply(self, turn: Turn, prompt: Prompt) -> Reply:
        """The model's reply. Its text was shown; its calls were not made.

        Raises:
            CopilotError: There is none. What came of it is kept in the turn.
        """
        mended: set[type[CopilotError]] = set()
        while True:
            reply = Reply(LONGEST_ANSWER)
            try:
                await self._ask(turn, prompt, reply)
            except (NoToolCalling, ContextOverflow, StreamDropped) as error:
                if type(error) in mended or not self._mend(turn, prompt, reply, error):
                    raise
                mended.add(type(error))
            else:
                return reply

    @property
    def _uses_json(self) -> bool:
        return self.tool_calling == "json" or self.endpoint.model in self._without_tools

    def _mend(self, turn: Turn, prompt: Prompt, reply: Reply, error: CopilotError) -> bool:
        """Whether asking again may help."""
        if isinstance(error, NoToolCalling):
            if self.tool_calling != "auto":
                return False
            self._without_tools.add(self.endpoint.model)
            self.view.note(self.words("json-mode"))
        elif isinstance(error, ContextOverflow):
            prompt.earlier.clear()
            turn.shorten()
            self.view.note(self.words("shortened"))
        else:
            # What was shown already stays, and is not said twice.
            return self._uses_json or not reply.text
        return True

    async def _ask(self, turn: Turn, prompt: Prompt, reply: Reply) -> None:
        uses_json = self._uses_json
        messages, tools = _request(turn, prompt, uses_json=uses_json)
        sent = (json.dumps(one, ensure_ascii=False) for one in (*messages, *tools))
        estimated = estimate_tokens("".join(sent))
        turn.tokens += estimated
        self.view.thinking()
        try:
            async with aclosing(self.endpoint.stream(messages, tools)) as pieces:
                async for piece in pieces:
                    text = reply.add(piece)
                    if text and not uses_json:
                        self.view.text(text)
                    if reply.cut:
                        break
        except BaseException:
            self._keep(turn, "" if uses_json else clean(reply.text))
            raise
        turn.tokens += (reply.tokens - estimated) if reply.tokens else estimate_tokens(reply.text)
        if uses_json:
            reply.reread(*json_text.read_turn(reply.text, is_whole=not reply.cut_by))
            self.view.text(reply.text)
        text = f"{reply.text} …" if reply.cut_by and reply.text else reply.text
        self.view.end_text(clean(text), final=not reply.calls)

    def _keep(self, turn: Turn, text: str) -> None:
        """Keep what came of an answer that broke off."""
        self.view.end_text(f"{text} …" if text else "", final=False)
        if text.strip():
            turn.says(text)


def _request(
    turn: Turn, prompt: Prompt, *, uses_json: bool
) -> tuple[list[Message], Sequence[Message]]:
    """Messages and tools as the endpoint takes them."""
    system, said, tools = prompt.system, [*prompt.earlier, *turn.messages], prompt.tools
    if uses_json:
        system = f"{system}\n{json_text.instruction(tools)}"
        said, tools = json_text.plain_messages(said), ()
    return [{"role": "system", "content": system}, *said], tools
