"""Which tools are listed when there are more than a model chooses well among.

The others stay callable; search finds them. Pure. The choice depends on how often each was used, so
it is made once per generation of the catalogue: a list that changes with every call would cost each
client its cached prompt.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from opsmcp_tools.model.tool import Tool

__all__ = ["choose_listed"]


def choose_listed(
    tools: Sequence[Tool], *, limit: int, pinned: Iterable[str], uses: Mapping[str, int]
) -> tuple[Tool, ...]:
    """All of `tools` up to `limit`; beyond it the pinned, the most used, then those that only read.

    Args:
        tools: Sorted by name; so is what is returned.
        limit: How many. More only when more are pinned.
        pinned: Name patterns of tools that are always listed.
        uses: How often each was used, by name.
    """
    if len(tools) <= limit:
        return tuple(tools)
    patterns = tuple(pinned)

    def rank(tool: Tool) -> tuple[bool, int, bool, str]:
        kept = any(fnmatchcase(tool.name, pattern) for pattern in patterns)
        return (not kept, -uses.get(tool.name, 0), not tool.hints.read_only, tool.name)

    ranked = sorted(tools, key=rank)
    most = max(limit, sum(not rank(tool)[0] for tool in tools))
    return tuple(sorted(ranked[:most], key=lambda tool: tool.name))
