"""Services: what a running opsmcp consists of, handed to everything that answers a request.

Filled by `app.open_services`, the composition root. Holds the tools of the present generation and
swaps them when the catalogue changed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import anyio

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.models import Operation
from opsmcp_pipelines.source import Source
from opsmcp_server.calls.cluster_nodes import Nodes
from opsmcp_server.calls.fence_marks import new_mark
from opsmcp_server.calls.llm_summary import Narrations
from opsmcp_server.config.load import Config
from opsmcp_server.protocol.run_updates import RunNews
from opsmcp_server.protocol.subscriptions import Sessions
from opsmcp_server.protocol.tool_list import Listing, Shown
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import (
    ApprovalsUnusable,
    JournalUnusable,
    NotAllowed,
    ToolUnavailable,
)
from opsmcp_tools.model.run_record import Clock, SystemClock
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.approval_file import ApprovalFile
from opsmcp_tools.policy.approvals import Approvals
from opsmcp_tools.policy.decision import Action, BuiltInTool, Decision, Effect, Policy
from opsmcp_tools.runs.executions import Executions
from opsmcp_tools.toolbox.build import Toolbox, ToolSettings, build_toolbox
from opsmcp_tools.toolbox.overrides import check_overrides
from opsmcp_tools.toolbox.shortlist import choose_listed

__all__ = ["Services"]

logger = logging.getLogger(__name__)

_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})
_MOST_VIEWS = 256
"""Most principals whose list is kept; with more, lists are made again."""

_FIRST_READ_SECONDS = 10.0
"""How long a request waits for the first catalogue; clients give up after 60 s."""


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
class Services:
    """The parts of a running opsmcp; `principal` is the local user."""

    config: Config
    source: Source
    discovery: Discovery
    executions: Executions
    news: RunNews
    policy: Policy
    principal: Principal
    tool_settings: ToolSettings
    listing: Listing
    new_listing: Callable[[Principal], Listing]
    count_uses: Callable[[], Mapping[str, int]]
    approvals: ApprovalFile
    masker: Masker = field(default_factory=Masker)
    sessions: Sessions = field(default_factory=Sessions)
    narrations: Narrations = field(default_factory=Narrations)
    nodes: Nodes = field(init=False)
    toolbox: Toolbox | None = None
    first_read: anyio.Event = field(default_factory=anyio.Event)
    first_read_seconds: float = _FIRST_READ_SECONDS
    waited_in_vain: bool = False
    """Whether a request was answered before the source was read for the first time."""
    clock: Clock = field(default_factory=SystemClock)
    new_mark: Callable[[], str] = new_mark
    """What fences the outputs of one answer: nobody can have written it into one before."""
    _views: dict[Principal, Listing] = field(default_factory=dict[Principal, Listing])
    _shared: dict[ViewKey, Listing] = field(default_factory=dict[ViewKey, Listing])
    _listed: dict[str, str] = field(default_factory=dict[str, str])
    _warned: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        """Add what follows from the parts."""
        self.nodes = Nodes(self.source)

    async def wait_for_first_read(self) -> None:
        """Return once the source was read for the first time, well or badly, or took too long."""
        if self.first_read.is_set():
            return  # every call comes here: no timer, and no turn of the event loop
        with anyio.move_on_after(self.first_read_seconds) as scope:
            await self.first_read.wait()
        self.waited_in_vain |= scope.cancelled_caught

    async def current_toolbox(self) -> Toolbox:
        """The tools of the present generation.

        Raises:
            ToolUnavailable: The source could never be read so far; says why.
        """
        await self.wait_for_first_read()
        if self.toolbox is None:
            error = self.discovery.health.error or f"{self.source.label} has not answered yet"
            unknown = f"The operations are not known yet ({error})."
            raise ToolUnavailable(
                f"{unknown} opsmcp keeps trying; ask again later.", in_terminal=unknown
            )
        return self.toolbox

    def decide(
        self,
        principal: Principal,
        action: Action,
        subject: Tool | BuiltInTool | None = None,
        arguments: Mapping[str, str] = _NO_ARGUMENTS,
    ) -> Decision:
        """What policy says now: the one way in which everything that answers a request asks it."""
        return self.policy.decide(principal, action, subject, arguments, at=self.clock.now())

    def require(self, principal: Principal, action: Action, subject: BuiltInTool) -> None:
        """Return if policy allows a built-in tool, or what belongs to one, to this principal.

        Raises:
            NotAllowed: It does not.
        """
        decision = self.decide(principal, action, subject)
        if decision.effect is not Effect.ALLOW:
            raise NotAllowed(f"Policy does not allow {subject.name}: {decision.reason}.")

    def listing_for(self, principal: Principal) -> Listing:
        """The tools that this principal is shown."""
        if principal == self.principal or not self.policy.about_people:
            return self.listing
        if principal not in self._views and self.toolbox is not None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            self._views[principal] = self._view(self.toolbox, principal)
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
            if not self.policy.decide(principal, Action.LIST, tool).denied
        ]

    def was_listed(self, name: str) -> bool:
        """Whether this process ever listed a tool of that name."""
        return name in self._listed

    def listed_from(self, name: str) -> str:
        """The file that a tool of that name was last read from; empty where it had none."""
        return self._listed.get(name, "")

    def uses(self) -> Mapping[str, int]:
        """How often each tool was used, by its name; nothing where the journal cannot say."""
        try:
            return self.count_uses()
        except JournalUnusable as error:
            logger.warning("%s; how often tools were used is not known", error)
            return {}

    def build(
        self, catalogue: Catalogue, at: Callable[[Operation | None], None] = _nothing
    ) -> Offer:
        """What a catalogue becomes, ready to be adopted. Changes nothing, so any thread may.

        `at` is told of each operation before it is looked at, and of None when all were.
        """
        approvals = self._approvals() if self.config.policy.pin else None
        toolbox = build_toolbox(catalogue, self.tool_settings, approvals, self.policy, at)
        if len(toolbox.tools) > self.config.tools.limit:
            _ = toolbox.search_index
        seen = self._seen(toolbox, self.principal)
        listed = self._choose(seen)
        return Offer(toolbox, seen, len(listed), self.listing.build(listed, seen))

    def _approvals(self) -> Approvals:
        try:
            return replace(self.approvals.read(), options=self.config.options)
        except ApprovalsUnusable as error:
            logger.error("%s; every operation is withheld (policy.pin)", error)  # noqa: TRY400
            return Approvals(fault="what was approved cannot be read; the log of opsmcp says more")

    def adopt(self, offer: Offer) -> bool:
        """Make these tools the present ones. False when clients see no change."""
        toolbox = offer.toolbox
        before = _definitions(self.toolbox) if self._views else None
        self.toolbox = toolbox
        files = toolbox.catalogue.contents.files
        self._listed |= {tool.name: files.get(tool.operation.key, "") for tool in offer.seen}
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
        tools = self.config.tools
        if len(seen) <= tools.limit:
            return tuple(seen)
        return choose_listed(seen, limit=tools.limit, pinned=tools.pinned, uses=self.uses())

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
