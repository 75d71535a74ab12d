"""A tool as a server offers it, under the name by which the model calls it; and finding one.

Servers are strangers: texts are cleaned and bounded, a hint that is missing counts as the worst.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mcp_types as types

from opsmcp_server.copilot.base.outcome import Outcome, object_of, text_of
from opsmcp_server.copilot.servers.connection import Server
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_server.protocol.results import EFFECT, NOT_KNOWN
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean, within_fence
from opsmcp_tools.search.index import Document, SearchIndex

__all__ = ["Offered", "find", "output_of"]

_LONGEST_TITLE = 80
_LONGEST_DESCRIPTION = 1_000
_PAGE_CHARACTERS = 20_000
"""The most that is given at once."""

_MOST_OUTPUT_CHARACTERS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the model may call it: `name` is unique among all servers."""

    name: str
    server: Server
    tool: types.Tool

    @property
    def reads_only(self) -> bool:
        """Whether its server says that it changes nothing."""
        hints = self.tool.annotations
        return hints is not None and hints.read_only_hint is True

    @property
    def destroys(self) -> bool:
        """Whether it can destroy something; yes unless its server denies it."""
        hints = self.tool.annotations
        return not self.reads_only and (hints is None or hints.destructive_hint is not False)

    @property
    def effect_is_unknown(self) -> bool:
        """Whether its server says that it does not know whether it changes something."""
        return (self.tool.meta or {}).get(EFFECT) == NOT_KNOWN

    @property
    def runs_another(self) -> bool:
        """Whether its arguments are the name and arguments of a call, which it makes."""
        return self.built_in is not None and self.built_in.respond is None

    @property
    def built_in(self) -> BuiltIn | None:
        """The tool of opsmcp's own that it is; None for an operation."""
        return registry.find(self.tool.name)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Argument to its schema."""
        return object_of(self.tool.input_schema.get("properties"))

    @property
    def title(self) -> str:
        """A name for people."""
        return clean_line(self.tool.title or self.tool.name, _LONGEST_TITLE)

    @property
    def description(self) -> str:
        """What it does, on one line."""
        return clean_line(self.tool.description or "", _LONGEST_DESCRIPTION)

    def definition(self) -> dict[str, Any]:
        """The tool as the Chat Completions API has it."""
        parameters = {key: value for key, value in self.tool.input_schema.items() if key[0] != "$"}
        function: dict[str, Any] = {
            "name": self.name,
            "description": self.description or self.title,
            "parameters": {"type": "object", "properties": {}, **parameters},
        }
        return {"type": "function", "function": function}

    async def read(self, **arguments: Any) -> Outcome:
        """What it answers to the chat itself: nobody is asked, and nothing is shown."""
        return await self.server.call(self.tool.name, arguments)


def find(tools: Iterable[Offered], query: str, most: int) -> list[Offered]:
    """The tools that fit the words best, best first."""
    by_name = {tool.name: tool for tool in tools}
    index = SearchIndex(map(_document, by_name.values()))
    return [by_name[name] for name in index.search(query, most=most)]


def _document(tool: Offered) -> Document:
    texts = ((tool.name, 3.0), (tool.title, 2.0), (tool.description, 1.0))
    return Document(tool.name, texts, tool.reads_only)


async def output_of(tool: Offered, run: str) -> AsyncGenerator[Outcome]:
    """A run's output in pieces, by the tool for that; of very much only the beginning."""
    offset: object = 0
    length = 0
    while isinstance(offset, int) and length < _MOST_OUTPUT_CHARACTERS:
        answer = await tool.read(run=run, offset=offset, limit=_PAGE_CHARACTERS)
        following: object = answer.data.get("next_offset")
        output = _slice(answer.data, offset, following) or answer.text
        length += len(output)
        yield replace(answer, text=output)
        offset = following if following != offset else None


def _slice(data: Mapping[str, Any], offset: int, following: object) -> str:
    """The slice without its fence, which ends with a line end that the slice need not have."""
    end = following if isinstance(following, int) else data.get("total_chars")
    length = end - offset if isinstance(end, int) else _PAGE_CHARACTERS
    return within_fence(clean(text_of(data.get("output"))))[: max(0, length)]
