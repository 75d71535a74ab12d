"""Services: what a running opsmcp consists of, handed to everything that answers a request.

Filled by `app.open_services`, the composition root. Holds the tools of the present generation and
swaps them when the catalogue changed.
"""

import logging
from dataclasses import dataclass, field

import anyio

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.source import Source
from opsmcp_server.config import Config
from opsmcp_server.listing import Listing
from opsmcp_server.sessions import Sessions
from opsmcp_tools.errors import ToolUnavailable
from opsmcp_tools.execution import Executions
from opsmcp_tools.policy import Action, Effect, Policy
from opsmcp_tools.tool import Principal
from opsmcp_tools.toolbox import Toolbox, ToolSettings, build_toolbox

__all__ = ["Services"]

logger = logging.getLogger(__name__)

_FIRST_READ_SECONDS = 10.0
"""How long a request waits for the first catalogue; clients give up after 60 s."""


@dataclass
class Services:
    """The parts of a running opsmcp; `principal` is the local user."""

    config: Config
    source: Source
    discovery: Discovery
    executions: Executions
    policy: Policy
    principal: Principal
    tool_settings: ToolSettings
    listing: Listing
    sessions: Sessions = field(default_factory=Sessions)
    toolbox: Toolbox | None = None
    first_read: anyio.Event = field(default_factory=anyio.Event)
    _listed: set[str] = field(default_factory=set[str])

    async def wait_for_first_read(self) -> None:
        """Return once the source was read for the first time, well or badly, or took too long."""
        with anyio.move_on_after(_FIRST_READ_SECONDS):
            await self.first_read.wait()

    async def current_toolbox(self) -> Toolbox:
        """The tools of the present generation.

        Raises:
            ToolUnavailable: The source could never be read so far; says why.
        """
        await self.wait_for_first_read()
        if self.toolbox is None:
            error = self.discovery.health.error or f"{self.source.label} has not answered yet"
            raise ToolUnavailable(
                f"The operations are not known yet: {error} opsmcp keeps trying; call again later."
            )
        return self.toolbox

    def was_listed(self, name: str) -> bool:
        """Whether this process ever listed a tool of that name."""
        return name in self._listed

    def adopt(self, catalogue: Catalogue) -> bool:
        """Make the tools of a new catalogue the present ones. False when clients see no change."""
        toolbox = build_toolbox(catalogue, self.tool_settings)
        self.toolbox = toolbox
        listed = [
            tool
            for tool in toolbox.tools
            if self.policy.decide(self.principal, Action.LIST, tool).effect is not Effect.DENY
        ]
        self._listed.update(tool.name for tool in listed)
        logger.info(
            "catalogue %d: %d tools, %d withheld",
            catalogue.generation,
            len(listed),
            len(toolbox.withheld),
        )
        return self.listing.replace(listed)
