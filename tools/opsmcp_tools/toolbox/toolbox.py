"""The tools of one generation of the catalogue, and why other operations are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_tools.arguments.nearest_names import nearest_names
from opsmcp_tools.model.tool import Tool, Withheld
from opsmcp_tools.toolbox.naming import possible_names
from opsmcp_tools.toolbox.tool_settings import Exposure

if TYPE_CHECKING:
    from opsmcp_tools.search.index import SearchIndex

__all__ = ["Toolbox"]


@dataclass(frozen=True)
class Toolbox:
    """The tools of one generation, sorted by name, and what is withheld."""

    generation: int
    tools: tuple[Tool, ...]
    withheld: tuple[Withheld, ...]
    catalogue: Catalogue
    exposure: Exposure

    @cached_property
    def _by_name(self) -> Mapping[str, Tool]:
        return {tool.name: tool for tool in self.tools}

    @cached_property
    def broken(self) -> tuple[Withheld, ...]:
        """What is withheld through a fault of its own, and not for what this machine lacks."""
        problems = self.catalogue.contents.problems
        absent = {(one.kind, one.namespace, one.operation) for one in problems if one.absent}
        return tuple(
            one for one in self.withheld if (one.kind, one.namespace, one.operation) not in absent
        )

    def unexposed(self, name: str) -> str:
        """Why the operation of that name is not considered; empty where none is passed over."""
        for operation in self.catalogue.operations.values():
            refusal = self.exposure.refusal(operation)
            if refusal and name in possible_names(operation.key):
                return f"the {operation.key.kind} of that name is not exposed: {refusal}"
        return ""

    @cached_property
    def search_index(self) -> "SearchIndex":
        """The words of all tools, made when somebody first searches or ahead of it."""
        # Imported here: where everything is listed nobody searches, and starts are many.
        from opsmcp_tools.search.index import SearchIndex, document_of

        return SearchIndex(map(document_of, self.tools))

    def find(self, name: str) -> Tool | None:
        """The tool of that name, or None."""
        return self._by_name.get(name)

    def nearest(self, name: str) -> tuple[str, ...]:
        """The names of tools that resemble `name`, the nearest first."""
        return nearest_names(name, self._by_name)
