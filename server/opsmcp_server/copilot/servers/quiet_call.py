"""Reading by a tool for the chat itself: nobody is asked, nothing is shown, nothing changes."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types

from opsmcp_server.copilot.base.shape import object_of, text_of
from opsmcp_server.copilot.servers.connection import FAULTS
from opsmcp_server.copilot.servers.tool import Offered
from opsmcp_tools.safe_text.cleaning import clean, within_fence

__all__ = ["Answer", "output_of", "read"]

_LONGEST_FAULT = 2_000
_PAGE_CHARACTERS = 20_000
"""The most that is given at once."""

_MOST_OUTPUT_CHARACTERS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool said: clean text, and data of any shape."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failed: bool = False


async def read(offered: Offered, arguments: dict[str, Any]) -> Answer:
    """What the tool answers; a fault is an answer, too."""
    try:
        result = await offered.server.call(offered.tool.name, arguments)
    except FAULTS as error:
        return Answer(clean(str(error))[:_LONGEST_FAULT] or type(error).__name__, failed=True)
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    data = object_of(result.structured_content)
    return Answer(clean("\n".join(texts)), data, failed=bool(result.is_error))


async def output_of(offered: Offered, run: str) -> AsyncGenerator[Answer]:
    """A run's output in pieces, by the tool for that; of very much only the beginning."""
    offset: object = 0
    length = 0
    while isinstance(offset, int) and length < _MOST_OUTPUT_CHARACTERS:
        answer = await read(offered, {"run": run, "offset": offset, "limit": _PAGE_CHARACTERS})
        following: object = answer.data.get("next_offset")
        output = _slice(answer.data, offset, following) or answer.text
        length += len(output)
        yield Answer(output, answer.data, failed=answer.failed)
        offset = following if following != offset else None


def _slice(data: Mapping[str, Any], offset: int, following: object) -> str:
    """The slice without its fence, which ends with a line end that the slice need not have."""
    end = following if isinstance(following, int) else data.get("total_chars")
    length = end - offset if isinstance(end, int) else _PAGE_CHARACTERS
    return within_fence(clean(text_of(data.get("output"))))[: max(0, length)]
