"""Source: where operations come from and where they are run.

Implemented by `ops.source.OpsSource` and `embedded.source.EmbeddedSource`; used by discovery and by
the execution of calls. Every method may raise a `SourceError` (see `errors`) and nothing else.
"""

from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import Definition, OperationKey
from opsmcp_pipelines.report import RunReport
from opsmcp_pipelines.verdict.expected import ExpectedTask

if TYPE_CHECKING:
    from opsmcp_pipelines.ssh.lookup import HostLook

__all__ = [
    "CALL_ID_VARIABLE",
    "Cancelled",
    "ChangeSource",
    "DefinitionSource",
    "HostSource",
    "LocalSource",
    "NodeSource",
    "RunRef",
    "Source",
    "StartRequest",
    "Traits",
]

CALL_ID_VARIABLE = "opsmcp_call_id"
"""The extra variable that every start carries, by which its run can be found again."""


@dataclass(frozen=True, slots=True)
class RunRef:
    """Which run is meant: its operation, the name that the source gave it, and its call."""

    operation: OperationKey
    name: str
    call_id: str


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One start: complete variables (defaults and bound values merged), and the call it is for.

    `definition` is what was listed, planned and agreed to: what the run has to consist of.
    `secrets` are values that must not be kept where the source keeps outputs. `principal` is who
    asked for it, None where nobody knows. `hosts` are those that the call was decided on, empty
    where nobody here knows them, and `reads_only` is whether it is known to change nothing.
    """

    definition: Definition
    call_id: str
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    principal: str | None = None
    hosts: frozenset[str] = frozenset()
    reads_only: bool = False

    @property
    def operation(self) -> OperationKey:
        """What is to be run."""
        return self.definition.key


@dataclass(frozen=True, slots=True)
class Traits:
    """What a source is like, so that nobody has to ask which one it is.

    Attributes:
        pastes_values: Whether values get into scripts as text, as on Ops, and not as variables.
        runs_here: Whether steps run on the machine of opsmcp, whose own addresses are then good.
        looks_are_requests: Whether a look at a run costs somebody else a request.
        first_poll_seconds: The pause between the first looks at a run.
        acts_late_seconds: How long after a start without an answer its run may still appear.
        cancels: Whether it can do anything to end a run that it runs.
        repeats_safely: Whether a start with a call id that it knows makes no second run, but gives
            the one there is: then a start that was not answered is sent again.
        brakes: How a run goes on from host to host; None where the source has ways of its own.
    """

    pastes_values: bool
    runs_here: bool
    looks_are_requests: bool
    first_poll_seconds: float
    acts_late_seconds: float
    cancels: bool
    repeats_safely: bool = False
    brakes: Brakes | None = None


class Cancelled(Enum):
    """What became of one run that was to be cancelled."""

    STOPPED = "stopped"
    """It ended with everything that it had started."""

    STARTS_NOTHING_MORE = "starts nothing more"
    """What is at work goes on to its end; nothing after it begins."""

    GOES_ON = "goes on"
    """Nothing could be done: it had ended by itself, is run elsewhere, or cannot be stopped."""


class Source(Protocol):
    """The Ops server or the embedded engine."""

    @property
    def label(self) -> str:
        """What people call it, for messages: `the Ops server at http://ops.example`."""
        ...

    @property
    def traits(self) -> Traits:
        """What it is like; the same for as long as it is open."""
        ...

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        """What a run must show that is started with these variables while `contents` exist."""
        ...

    async def read(self) -> Contents:
        """Read all operations and the inventory.

        Returns:
            The very same object as the last time when nothing changed.
        """
        ...

    async def start(self, request: StartRequest) -> RunRef:
        """Start a run, once; of another definition than the one that was decided on, none.

        A source that starts by name only cannot compare; one that can compares in the reading that
        it runs.

        Raises:
            DefinitionChanged: It has another definition. No run was made.
            StartOutcomeUnknown: The request may have been received; never repeat it blindly.
            SourceUnavailable: The request was certainly not received.
            SourceRefused: No run was made.
        """
        ...

    async def read_run(self, ref: RunRef) -> RunReport:
        """Read how a run stands.

        Raises:
            NotFound: It does not exist, or was deleted.
            NotOurRun: What has its name is a run of another call or operation.
        """
        ...

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        """Read how many runs stand, at the cost of few requests; awaits `turn` before each.

        What is not among the answers may still exist: `read_run` tells.
        """
        ...

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        """Find the run that a call made, newest first; None when there is none.

        Awaits `turn` before each request.
        """
        ...

    async def cancel(self, ref: RunRef) -> Cancelled:
        """End a run as far as that can be done, and say how far it was."""
        ...

    def sign_of(self, report: RunReport) -> str:
        """What a run that does not end was last seen doing, and what that is a sign of here."""
        ...


@runtime_checkable
class NodeSource(Protocol):
    """A source that knows the nodes of its clusters."""

    async def read_nodes(self, cluster: str) -> tuple[str, ...]:
        """The names of the nodes of a cluster, sorted."""
        ...


@runtime_checkable
class HostSource(Protocol):
    """A source that can look at one of its hosts."""

    async def look_at_host(self, name: str) -> "HostLook":
        """What is known of a host, and whether it answers now.

        Raises:
            NotFound: The inventory has no such host, or it is this machine.
            SourceUnavailable: There is nothing here to reach it with.
        """
        ...


@runtime_checkable
class DefinitionSource(Protocol):
    """A source that starts by name, and can say afterwards what the name stands for."""

    async def read_definition(self, operation: OperationKey) -> Definition | None:
        """What the operation consists of now; None if it or one of its tasks is not there.

        Raises:
            SourceError: It cannot be read.
        """
        ...


@runtime_checkable
class ChangeSource(Protocol):
    """A source that says when a run shows something new, so that nobody has to look for it."""

    async def changed(self, ref: RunRef) -> None:
        """Return once a step, a task or the run has ended since the run was last read.

        At once if one has; never for a run that it does not have. What a step prints meanwhile is
        no change: who wants to see that looks now and then.
        """
        ...


@runtime_checkable
class LocalSource(Protocol):
    """A source that runs in this process: its runs end with it, and whoever follows keeps them."""

    async def stop(self) -> None:
        """End all runs and start no more, because the process is about to end; bounded in time."""
        ...

    def forget(self, ref: RunRef) -> None:
        """Drop what a run that has ended showed: it is kept elsewhere now."""
        ...

    async def end_left_over(self, operation: OperationKey, call_id: str) -> str:
        """End what a run of a process that is gone has left; what became of it, for people."""
        ...
