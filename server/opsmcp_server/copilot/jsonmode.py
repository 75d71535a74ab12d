"""Tools for endpoints that take none: the model answers with one JSON object. Pure.

The instruction says what the object looks like; `read_turn` makes of the text what the API would
have given.
"""

import json
from collections.abc import Sequence
from typing import Any

from opsmcp_server.copilot.repair import read_object
from opsmcp_server.copilot.reply import ModelCall

__all__ = ["instruction", "plain_messages", "read_turn"]

_INSTRUCTION = """\
Answer with exactly one JSON object and nothing else. To call a tool:
{"tool": "NAME", "arguments": {...}}
To answer the person: {"answer": "MARKDOWN"}
The tools, each with the JSON Schema of its arguments:
"""


def instruction(tools: Sequence[dict[str, Any]]) -> str:
    """What the model is told, with the tools that it may call."""
    shown = (
        f"- {tool['function']['name']}: {tool['function']['description']} "
        f"{json.dumps(tool['function']['parameters'], ensure_ascii=False, separators=(',', ':'))}"
        for tool in tools
    )
    return _INSTRUCTION + "\n".join(shown)


def read_turn(text: str) -> tuple[str, list[ModelCall]]:
    """The answer and the calls in what the model wrote; text without an object is an answer."""
    found = read_object(text) if "{" in text else None
    if found is None:
        return text, []
    name = found.get("tool", found.get("name"))
    if isinstance(name, str) and name:
        arguments = found.get("arguments", found.get("parameters"))
        written = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
        return "", [ModelCall("json-1", name, written)]
    answer = found.get("answer")
    return (answer if isinstance(answer, str) else text), []


def plain_messages(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation without the parts of the API that have to do with tools."""
    return [_plain(message) for message in messages]


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        return {"role": "user", "content": f"Result of the tool:\n{message['content']}"}
    calls = message.get("tool_calls")
    if not calls:
        return message
    written = [
        f'{{"tool": {json.dumps(call["function"]["name"])}, '
        f'"arguments": {call["function"]["arguments"] or "{}"}}}'
        for call in calls
    ]
    return {"role": "assistant", "content": "\n".join(written)}
