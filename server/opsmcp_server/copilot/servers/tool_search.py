"""Finding a tool by words, for servers that list more tools than a model chooses well among. Pure.

opsmcp brings a search of its own; this one is for the rest, and for `/tools`.
"""

import re
from collections.abc import Iterable

from opsmcp_server.copilot.servers.tool import Offered

__all__ = ["CALL", "FIND", "definitions", "find"]

FIND, CALL = "find_tools", "call_found_tool"
"""The two tools that stand for all, under names that no other tool has got."""

_WORD = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")
_MOST = 8


def find(tools: Iterable[Offered], query: str, most: int = _MOST) -> list[Offered]:
    """The tools that fit best, best first."""
    wanted = set(_WORD.findall(query.lower()))
    scored = [(_score(tool, wanted), tool) for tool in tools]
    good = [(score, tool) for score, tool in scored if score > 0]
    return [tool for _, tool in sorted(good, key=lambda pair: (-pair[0], pair[1].name))[:most]]


def _score(tool: Offered, wanted: set[str]) -> int:
    name = _WORD.findall(tool.name.lower())
    rest = _WORD.findall(f"{tool.title} {tool.description}".lower())
    return sum(3 * _matches(word, name) + _matches(word, rest) for word in wanted)


def _matches(word: str, words: list[str]) -> bool:
    """Whether it is there, or one is the other's beginning: pods and pod."""
    return any(
        word == other or (min(len(word), len(other)) > 2 and _begins(word, other))
        for other in words
    )


def _begins(word: str, other: str) -> bool:
    return word.startswith(other) or other.startswith(word)


def definitions() -> list[dict[str, object]]:
    """The two tools as the Chat Completions API has them."""
    text = {"type": "string"}
    arguments = {"type": "object", "description": "As the tool's own schema wants them."}
    return [
        _definition(FIND, "Find tools by words; answers with their schemas.", {"query": text}),
        _definition(
            CALL, "Call a tool that find_tools found.", {"name": text, "arguments": arguments}
        ),
    ]


def _definition(name: str, description: str, properties: dict[str, object]) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}
