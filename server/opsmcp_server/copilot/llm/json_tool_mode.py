"""Tools for endpoints that take none: the model answers with one JSON object. Pure.

The instruction says what the object looks like; `read_turn` makes of the text what the API would
have given. An object in the middle of prose is an example, not a call: only a text that consists of
objects is read as such, and then each of them counts.
"""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from opsmcp_server.copilot.llm.json_repair import read_objects
from opsmcp_server.copilot.llm.reply import ModelCall

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


def read_turn(text: str, *, is_whole: bool = True) -> tuple[str, list[ModelCall]]:
    """The answer and the calls in what the model wrote; what it is not told to write is an answer.

    Several objects are several calls, in their order; an answer among them is what the model says
    besides. What is not whole is not repaired.
    """
    answers: list[str] = []
    calls: list[ModelCall] = []
    for found in read_objects(text, mends=is_whole):
        call = _call(found, len(calls) + 1)
        answer: object = found.get("answer")
        if call is None and not isinstance(answer, str):
            return text, []
        calls += [call] if call is not None else []
        answers += [answer] if isinstance(answer, str) else []
    return ("\n\n".join(answers), calls) if answers or calls else (text, [])


def _call(found: dict[str, Any], number: int) -> ModelCall | None:
    """The call that an object means, as models write one: with `tool`, or as the API has it."""
    arguments = found.get("arguments", found.get("parameters"))
    name = found.get("tool", None if arguments is None else found.get("name"))
    if not isinstance(name, str) or not name:
        return None
    given: Any = {} if arguments is None else arguments
    written = given if isinstance(given, str) else json.dumps(given)
    return ModelCall(f"json-{number}", name, written)


def plain_messages(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation without the parts of the API that have to do with tools.

    The results of several calls become one message: many endpoints want the roles to take turns.
    """
    plain: list[dict[str, Any]] = []
    for is_result, group in groupby(messages, lambda message: message["role"] == "tool"):
        if is_result:
            results = (f"Result of the tool:\n{message['content']}" for message in group)
            plain.append({"role": "user", "content": "\n\n".join(results)})
        else:
            plain += map(_plain, group)
    return plain


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not calls:
        return message
    said = message["content"]
    written = [json.dumps({"answer": said}, ensure_ascii=False)] if said else []
    written += [
        f'{{"tool": {json.dumps(call["function"]["name"])}, '
        f'"arguments": {call["function"]["arguments"] or "{}"}}}'
        for call in calls
    ]
    return {"role": "assistant", "content": "\n".join(written)}
