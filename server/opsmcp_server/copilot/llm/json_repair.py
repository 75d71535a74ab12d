"""JSON objects from models: read, or repaired where it is plain what was meant. Pure."""

import json
import re
from typing import Any, cast

__all__ = ["read_object", "read_objects"]

_LONGEST = 256 * 1024
_FENCED = re.compile(r"```[a-zA-Z]*\s+(.*?)\s*```", re.DOTALL)
_SLIP = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")|,(?P<closer>\s*[}\]])|\b(?P<word>True|False|None)\b', re.DOTALL
)
"""What models write that is no JSON, outside of strings: what stands in those is a value."""

_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_CLOSERS = {"{": "}", "[": "]"}


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`; None when there is none that can be told."""
    given = text[:_LONGEST].strip()
    if not given:
        return {}
    for candidate in _candidates(given):
        found = _load(candidate)
        if found is not None:
            return found
    return None


def read_objects(text: str, *, mends: bool = True) -> list[dict[str, Any]]:
    """The JSON objects of which `text` consists; none when there is anything else in it.

    Without `mends`, none also when one of them would have to be repaired.
    """
    rest = text[:_LONGEST].strip()
    fenced = _FENCED.fullmatch(rest)
    rest = fenced[1] if fenced else rest
    found: list[dict[str, Any]] = []
    while rest:
        body = _balanced(rest)
        candidates = _mended(body) if mends else [body] * rest.startswith(body)
        one = next(filter(None, map(_load, candidates)), None)
        if one is None or len(text) > _LONGEST:
            return []
        found.append(one)
        rest = rest[len(body) :].strip()
    return found


def _candidates(given: str) -> list[str]:
    plain = given.removesuffix("```")
    start = plain.find("{")
    body = _balanced(plain[start:])
    # Of two objects neither is more likely meant than the other.
    is_one = start >= 0 and "{" not in plain[start + len(body) :]
    return [given, *_mended(body)] if is_one else [given]


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
