"""A model that calls what a script says, behind the APIs of Anthropic and OpenAI on a real socket.

Real clients are driven with it: it keeps what reaches the model as the result of each call. Streams
of the Messages API (https://docs.anthropic.com/en/api/messages-streaming) and of the Responses API
(https://platform.openai.com/docs/api-reference/responses-streaming), as little as clients need.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.fakes.openai_server import Answer, Exchange, FakeOpenAI, Request

__all__ = ["LAST_RUN", "Call", "ScriptedModel"]

LAST_RUN = "the run of the call before"
"""Stands for the handle in the result of the call before, as an argument."""

_RUN = re.compile(r"\br-[a-z0-9]{6,40}\b")
_DONE = "done"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model makes."""

    tool: str
    arguments: dict[str, Any]


@dataclass
class ScriptedModel(FakeOpenAI):
    """Makes the calls one after the other, whatever it is told, and then says that it is done."""

    calls: Sequence[Call] = ()

    @property
    def results(self) -> list[str]:
        """What the client showed its model of each call, in order."""
        every = [_results(request.body) for request in self.requests]
        return max(every, key=len, default=list[str]())

    def answer_to(self, request: Request) -> Answer:
        return partial(self._answer, request)

    def _answer(self, request: Request, exchange: Exchange) -> None:
        call = self._next_call(request)
        of_anthropic = "/messages" in exchange.path
        events = _anthropic(call) if of_anthropic else _openai(request, call)
        exchange.begin_stream()
        for event in events:
            exchange.send(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
        exchange.end_stream()

    def _next_call(self, request: Request) -> Call | None:
        """None when all were made, or the client asks for something else, such as a title."""
        made = _results(request.body)
        if not request.body.get("tools") or len(made) >= len(self.calls):
            return None
        call = self.calls[len(made)]
        given = {
            name: _RUN.findall(made[-1])[0] if value == LAST_RUN else value
            for name, value in call.arguments.items()
        }
        return Call(call.tool, given)


def _results(body: dict[str, Any]) -> list[str]:
    blocks = [
        block
        for message in body.get("messages", ())
        if isinstance(message["content"], list)
        for block in message["content"]
    ]
    of_anthropic = [_text(one["content"]) for one in blocks if one["type"] == "tool_result"]
    items = body.get("input", ())
    outputs = [_text(one["output"]) for one in items if one["type"] == "function_call_output"]
    return of_anthropic or outputs


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _anthropic(call: Call | None) -> Iterator[dict[str, Any]]:
    block: dict[str, Any] = {"type": "text", "text": ""}
    delta: dict[str, Any] = {"type": "text_delta", "text": _DONE}
    if call is not None:
        name = f"mcp__opsmcp__{call.tool}"
        block = {"type": "tool_use", "id": f"toolu_{call.tool}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
    }
    stop = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    yield {"type": "message_start", "message": {**message, "usage": usage}}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": stop, "usage": usage}
    yield {"type": "message_stop"}


def _openai(request: Request, call: Call | None) -> Iterator[dict[str, Any]]:
    content = [{"type": "output_text", "text": _DONE}]
    item: dict[str, Any] = {"type": "message", "role": "assistant", "content": content}
    if call is not None:
        text = json.dumps(call.arguments)
        item = {"type": "function_call", "call_id": f"call_{call.tool}", "arguments": text}
        item |= _named(request, call.tool.replace("-", "_"))
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield {"type": "response.created", "response": {"id": "resp_1"}}
    yield {"type": "response.output_item.done", "output_index": 0, "item": {"id": "i", **item}}
    yield {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}}


def _named(request: Request, name: str) -> dict[str, str]:
    """The tool as this client offers it: by itself, or within a namespace of its server."""
    for tool in request.body["tools"]:
        if any(one.get("name") == name for one in tool.get("tools", ())):
            return {"namespace": tool["name"], "name": name}
    return {"name": f"mcp__opsmcp__{name}"}
