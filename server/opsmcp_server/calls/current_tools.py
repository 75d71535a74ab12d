"""The tools of the present generation, as calls find them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio

from opsmcp_pipelines.discovery import Discovery
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = ["CurrentTools"]

_FIRST_READ_SECONDS = 10.0
"""How long a request waits for the first catalogue; clients give up after 60 s."""

_READ_AGAIN_SECONDS = 10.0
"""How long a call that found its tool out of date waits for the tools of now."""


@dataclass
class CurrentTools:
    """The toolbox of now; None before the source was read for the first time."""

    discovery: Discovery
    source_label: str
    toolbox: Toolbox | None = None
    first_read: anyio.Event = field(default_factory=anyio.Event)
    first_read_seconds: float = _FIRST_READ_SECONDS
    waited_in_vain: bool = False
    """Whether a request was answered before the source was read for the first time."""
    _listed: dict[str, str] = field(default_factory=dict[str, str])
    _replaced: anyio.Event = field(default_factory=anyio.Event)

    async def wait_for_first_read(self) -> None:
        """Return once the source was read for the first time, well or badly, or took too long."""
        if self.first_read.is_set():
            return  # every call comes here: no timer, and no turn of the event loop
        with anyio.move_on_after(self.first_read_seconds) as scope:
            await self.first_read.wait()
        self.waited_in_vain |= scope.cancelled_caught

    async def current(self) -> Toolbox:
        """The toolbox of the present generation.

        Raises:
            ToolUnavailable: The source could never be read so far; says why.
        """
        await self.wait_for_first_read()
        if self.toolbox is None:
            unknown = f"The operations are not known yet ({self._why_not_known()})."
            raise ToolUnavailable(
                f"{unknown} opsmcp keeps trying; ask again later.", in_terminal=unknown
            )
        return self.toolbox

    def _why_not_known(self) -> str:
        read = self.discovery.catalogue
        if read is not None:
            return f"{len(read.operations):,} were read, and opsmcp is still checking them"
        return self.discovery.health.error or f"{self.source_label} has not answered yet"

    async def read_again(self) -> None:
        """Return once the tools are those of what the source has now, or after some seconds.

        For a call whose tool the source refused as out of date: the next one finds the tool of now.
        """
        with anyio.move_on_after(_READ_AGAIN_SECONDS):
            await self.discovery.refresh()
            while self._is_behind():
                await self._replaced.wait()

    def _is_behind(self) -> bool:
        generation = self.toolbox.generation if self.toolbox else 0
        return generation < self.discovery.health.generation

    def replace(self, toolbox: Toolbox, seen: Iterable[Tool]) -> None:
        """Make this the present toolbox, of which the local user may see these tools."""
        self.toolbox = toolbox
        self._replaced.set()
        self._replaced = anyio.Event()
        files = toolbox.catalogue.contents.files
        self._listed |= {tool.name: files.get(tool.operation.key, "") for tool in seen}

    def was_listed(self, name: str) -> bool:
        """Whether this process ever listed a tool of that name."""
        return name in self._listed

    def listed_from(self, name: str) -> str:
        """The file that a tool of that name was last read from; empty where it had none."""
        return self._listed.get(name, "")
