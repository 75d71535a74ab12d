"""What is published to clients: the lists of tools that each may see, and who hears of changes.

Makes of a catalogue the tools of a new generation, and swaps them for those of the one before.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.models import Operation
from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.run_updates import RunUpdates
from opsmcp_server.protocol.subscriptions import Sessions
from opsmcp_server.protocol.tool_list import Listing, Shown
from opsmcp_tools.model.errors import ApprovalsUnusable
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.approval_file import ApprovalFile
from opsmcp_tools.policy.approvals import Approvals
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.overrides import check_overrides
from opsmcp_tools.toolbox.shortlist import choose_listed
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = ["Offer", "Published"]

logger = logging.getLogger(__name__)

_MOST_VIEWS = 256
"""Most principals whose list is kept; with more, lists are made again."""

ViewKey = tuple[tuple[str, ...], tuple[str, ...]]
"""What tells views of one generation apart: the built-in tools and the operations that are seen."""


def _nothing(_operation: Operation | None) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a catalogue becomes: its tools, those that the local user sees, and their list."""

    toolbox: Toolbox
    seen: Sequence[Tool]
    listed: int
    shown: Shown


@dataclass
class Published:
    """What clients see. `listing` is what the local user is shown; others have views."""

    calls: CallContext
    tool_settings: ToolSettings
    approvals: ApprovalFile
    new_listing: Callable[[Principal], Listing]
    sessions: Sessions
    updates: RunUpdates
    listing: Listing = field(init=False)
    _views: dict[Principal, Listing] = field(default_factory=dict[Principal, Listing])
    _shared: dict[ViewKey, Listing] = field(default_factory=dict[ViewKey, Listing])
    _warned: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        """Begin with the built-in tools."""
        self.listing = self.new_listing(self.calls.principal)

    def listing_for(self, principal: Principal) -> Listing:
        """The tools that this principal is shown."""
        if principal == self.calls.principal or not self.calls.policy.about_people:
            return self.listing
        toolbox = self.calls.tools.toolbox
        if principal not in self._views and toolbox is not None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            self._views[principal] = self._view(toolbox, principal)
        return self._views.get(principal, self.listing)

    def _view(self, toolbox: Toolbox, principal: Principal) -> Listing:
        """Whoever may see the same is shown the same list, so that it is built and kept once."""
        view, seen = self.new_listing(principal), self._seen(toolbox, principal)
        key = _view_key(view, seen)
        if key not in self._shared:
            if len(self._shared) >= _MOST_VIEWS:
                self._shared.clear()
            view.show(view.build(self._choose(seen), seen))
            self._shared[key] = view
        return self._shared[key]

    def _seen(self, toolbox: Toolbox, principal: Principal) -> list[Tool]:
        return [
            tool
            for tool in toolbox.tools
            if not self.calls.policy.decide(principal, Action.LIST, tool).denied
        ]

    def build(
        self, catalogue: Catalogue, at: Callable[[Operation | None], None] = _nothing
    ) -> Offer:
        """What a catalogue becomes, ready to be adopted. Changes nothing, so any thread may.

        `at` is told of each operation before it is looked at, and of None when all were.
        """
        approvals = self._approvals() if self.calls.config.policy.pin else None
        toolbox = build_toolbox(catalogue, self.tool_settings, approvals, self.calls.policy, at)
        if len(toolbox.tools) > self.calls.config.tools.limit:
            _ = toolbox.search_index
        seen = self._seen(toolbox, self.calls.principal)
        listed = self._choose(seen)
        return Offer(toolbox, seen, len(listed), self.listing.build(listed, seen))

    def _approvals(self) -> Approvals:
        try:
            return replace(self.approvals.read(), options=self.calls.config.options)
        except ApprovalsUnusable as error:
            logger.error("%s; every operation is withheld (policy.pin)", error)  # noqa: TRY400
            return Approvals(fault="what was approved cannot be read; the log of opsmcp says more")

    def adopt(self, offer: Offer) -> bool:
        """Make these tools the present ones. False when clients see no change."""
        toolbox, tools = offer.toolbox, self.calls.tools
        before = _definitions(tools.toolbox) if self._views else None
        tools.replace(toolbox, offer.seen)
        logger.info(
            "catalogue %d: %d tools, %d of them listed, %d withheld",
            toolbox.generation,
            len(offer.seen),
            offer.listed,
            len(toolbox.withheld),
        )
        self._warn_of_overrides(toolbox.catalogue)
        changed = self.listing.show(offer.shown)
        self._views.clear()
        self._shared = {_view_key(self.listing, offer.seen): self.listing}
        # Others see other lists; whether one of those changed is not looked at one by one.
        return changed or (before is not None and before != _definitions(toolbox))

    def _choose(self, seen: Sequence[Tool]) -> tuple[Tool, ...]:
        tools = self.calls.config.tools
        if len(seen) <= tools.limit:
            return tuple(seen)
        return choose_listed(seen, limit=tools.limit, pinned=tools.pinned, uses=self.calls.uses())

    def _warn_of_overrides(self, catalogue: Catalogue) -> None:
        overrides = self.tool_settings.overrides
        problems = check_overrides(overrides, catalogue.operations.values())
        for problem in problems:
            if problem not in self._warned:
                logger.warning("%s", problem)
        self._warned = set(problems)


def _view_key(listing: Listing, seen: Sequence[Tool]) -> ViewKey:
    return listing.own, tuple(tool.name for tool in seen)


def _definitions(toolbox: Toolbox | None) -> tuple[tuple[str, str], ...]:
    return tuple((tool.name, tool.digest) for tool in toolbox.tools) if toolbox else ()
