"""A call on its way, and what became of asking about it."""

from dataclasses import dataclass
from typing import Any, Literal

from opsmcp_server.copilot.calls.arguments import call_line
from opsmcp_server.copilot.servers.tool import Offered

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """A call that is to be made, is made, or was refused."""

    offered: Offered
    arguments: dict[str, Any]
    is_edited: bool = False
    """Whether the person changed it; then it is asked about in any case."""

    answer: Literal["", "agreed", "declined", "unattended", "too long"] = ""
    edited: dict[str, Any] | None = None
    foreign: tuple[str, ...] = ()
    """The arguments that may come from what others wrote."""

    run: str = ""
    left: bool = False
    """Whether nobody waits for it any more."""

    answered: bool = False
    """Whether its server has answered it, be it with the handle of a run that goes on."""

    @property
    def title(self) -> str:
        """The call on one line."""
        return call_line(self.offered.tool.name, self.arguments)

    @property
    def settled(self) -> bool:
        """Whether it is not to be made: the person said no or changed it, or cannot be asked."""
        return self.answer not in ("", "agreed") or self.edited is not None
