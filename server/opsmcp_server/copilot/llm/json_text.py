"""JSON in what models write: arguments of calls, and whole replies where tools are called by text.

An object is repaired where it is plain what was meant. An endpoint that takes no tools is told to
answer with JSON objects; one in the middle of prose is an example, not a call: only a text that
consists of objects is read as such, and then each of them counts. Pure.
"""

import json
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

from opsmcp_server.copilot.llm.reply import ModelCall

__all__ = ["instruction", "plain_messages", "read_object", "read_turn"]

_LONGEST = 256 * 1024
_FENCED = re.compile(r"```[a-zA-Z]*\s+(.*?)\s*```", re.DOTALL)
_SLIP = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")|,(?P<closer>\s*[}\]])|\b(?P<word>True|False|None)\b', re.DOTALL
)
"""What models write that is no JSON, outside of strings: what stands in those is a value."""

_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_CLOSERS = {"{": "}", "[": "]"}

_INSTRUCTION = """\
Answer with exactly one JSON object and nothing else. To call a tool:
{"tool": "NAME", "arguments": {...}}
To answer the person: {"answer": "MARKDOWN"}
The tools, each with the JSON Schema of its arguments:
"""


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`; None when there is none that can be told."""
    raw = text[:_LONGEST].strip()
    if not raw:
        return {}
    plain = raw.removesuffix("```")
    start = plain.find("{")
    body = _balanced(plain[start:])
    # Of two objects neither is more likely meant than the other.
    is_one = start >= 0 and "{" not in plain[start + len(body) :]
    return _first([raw, *_mended(body)] if is_one else [raw])


def _read_objects(text: str, *, mends: bool) -> list[dict[str, Any]]:
    """The JSON objects of which `text` consists; none when there is anything else in it.

    Without `mends`, none also when one of them would have to be repaired.
    """
    rest = text[:_LONGEST].strip()
    fenced = _FENCED.fullmatch(rest)
    rest = fenced[1] if fenced else rest
    found: list[dict[str, Any]] = []
    while rest:
        body = _balanced(rest)
        one = _first(_mended(body) if mends else [body] * rest.startswith(body))
        if not one or len(text) > _LONGEST:
            return []
        found.append(one)
        rest = rest[len(body) :].strip()
    return found


def _first(candidates: Sequence[str]) -> dict[str, Any] | None:
    return next((found for text in candidates if (found := _load(text)) is not None), None)


def _mended(body: str) -> list[str]:
    """What an object may have been meant to be, what it is first."""
    quoted = body.replace("'", '"') if '"' not in body else body
    return [body, _SLIP.sub(_put_right, quoted)]


def _put_right(slip: re.Match[str]) -> str:
    if slip["string"] is not None:
        return slip["string"]
    return slip["closer"] or _PYTHON_WORDS[slip["word"]]


def _load(text: str) -> dict[str, Any] | None:
    try:
        found: object = json.loads(text, strict=False)
        if isinstance(found, str):  # an object that was encoded twice
            found = json.loads(found, strict=False)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _balanced(text: str) -> str:
    """The first object, with brackets that are missing at its end.

    A string that is cut is left so: closing it would make another value of it.
    """
    closers: list[str] = []
    in_string = escaped = False
    for place, char in enumerate(text):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in _CLOSERS:
            closers.append(_CLOSERS[char])
        elif closers and char == closers[-1]:
            closers.pop()
            if not closers:
                return text[: place + 1]
    return text if in_string else text + "".join(reversed(closers))


def instruction(tools: Sequence[dict[str, Any]]) -> str:
    """What a model is told that calls tools by text, with the tools that it may call."""
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
    for found in _read_objects(text, mends=is_whole):
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
    raw: Any = {} if arguments is None else arguments
    written = raw if isinstance(raw, str) else json.dumps(raw)
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
