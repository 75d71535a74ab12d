"""What a call needs, from its name and arguments to its answer."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.source import Source
from opsmcp_server.calls.audit import Audit
from opsmcp_server.calls.cluster_nodes import Nodes
from opsmcp_server.calls.current_tools import CurrentTools
from opsmcp_server.calls.fence_marks import new_mark
from opsmcp_server.calls.late_incidents import LateIncidents
from opsmcp_server.calls.late_requests import LateRequests
from opsmcp_server.calls.llm_summary import LlmSummaries
from opsmcp_server.calls.observed import Observers
from opsmcp_server.config.effective import Config
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import JournalUnusable, NotAllowed
from opsmcp_tools.model.run_record import Clock, SystemClock
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.decision import Action, BuiltInTool, Decision, Effect, Policy
from opsmcp_tools.runs.executions import Executions

__all__ = ["CallContext"]

logger = logging.getLogger(__name__)

_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})


@dataclass
class CallContext:
    """The parts of opsmcp that calls go through; `principal` is the local user."""

    config: Config
    source: Source
    tools: CurrentTools
    executions: Executions
    policy: Policy
    principal: Principal
    masker: Masker
    audit: Audit
    count_uses: Callable[[], Mapping[str, int]]
    llm_summaries: LlmSummaries = field(default_factory=LlmSummaries)
    nodes: Nodes = field(init=False)
    requests: LateRequests = field(init=False)
    incidents: LateIncidents = field(init=False)
    clock: Clock = field(default_factory=SystemClock)
    observers: Observers = field(default_factory=Observers)
    new_mark: Callable[[], str] = new_mark
    """What fences the outputs of one answer: nobody can have written it into one before."""

    def __post_init__(self) -> None:
        """Add what follows from the parts."""
        self.nodes = Nodes(self.source)
        self.requests = LateRequests(self)
        self.incidents = LateIncidents(self.config.state.dir)

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
            error = NotAllowed(
                f"Policy does not allow {subject.name}: {decision.reason}.", rule=decision.rule
            )
            self.audit.refused(principal, subject.name, error, {})
            raise error

    def uses(self) -> Mapping[str, int]:
        """How often each tool was used, by its name; nothing where the journal cannot say."""
        try:
            return self.count_uses()
        except JournalUnusable as error:
            logger.warning("%s; how often tools were used is not known", error)
            return {}
