"""A Source that plays back what a test wrote down: reports and errors, look by look."""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import replace

import anyio

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.models import Definition, OperationKey
from opsmcp_pipelines.ops.source import OPS_TRAITS
from opsmcp_pipelines.ops.stuck_sign import sign_of
from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_tasks

TerminalHint = RunReport | SourceError

PENDING = RunReport(Status.PENDING)
RUNNING = RunReport(Status.RUNNING, (TaskReport("say", "say", Status.RUNNING),))


def ended(status: Status = Status.SUCCEEDED, output: str = "done\n") -> RunReport:
    """A run of one task with one step, all of one status."""
    step = StepReport("s", status, output, len(output))
    node = NodeReport("web-1", status, (step,))
    return RunReport(status, (TaskReport("say", "say", status, (node,)),))


class ScriptedSource:
    """Plays `looks`, the last one for ever; `found` are the answers to searches, likewise."""

    label = "the scripted source"

    def __init__(
        self,
        *looks: TerminalHint,
        start_error: SourceError | None = None,
        found: Sequence[RunRef | SourceError | None] = (None,),
        can_cancel: bool = False,
    ) -> None:
        self.traits = replace(OPS_TRAITS, cancels=can_cancel)
        self.started: list[StartRequest] = []
        self.searched: list[str] = []
        self.looks = 0
        self.lists = 0
        self.cancel_error: SourceError | None = None
        self.ends_first = False
        self.read_errors: list[Exception] = []
        self.before_start: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
        self.hold = anyio.Event()
        self.hold.set()
        self._script = list(looks) or [ended()]
        self._start_error = start_error
        self._found = list(found)

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        return expected_tasks(definition)

    async def read(self) -> Contents:
        return Contents()

    async def start(self, request: StartRequest) -> RunRef:
        self.started.append(request)
        await self.before_start()
        await self.hold.wait()
        if self._start_error:
            raise self._start_error
        return RunRef(request.operation, f"say-{len(self.started)}", request.call_id)

    async def read_run(self, ref: RunRef) -> RunReport:
        await anyio.lowlevel.checkpoint()
        self.looks += 1
        if self.read_errors:
            raise self.read_errors.pop()
        look = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(look, SourceError):
            raise look
        return look

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        await turn()
        self.lists += 1
        return {ref: await self.read_run(ref) for ref in refs}

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        await turn()
        self.searched.append(call_id)
        answer = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def sign_of(self, report: RunReport) -> str:
        return sign_of(report)

    async def cancel(self, ref: RunRef) -> Cancelled:
        await anyio.lowlevel.checkpoint()
        if self.cancel_error:
            raise self.cancel_error
        self._script = [ended(Status.SUCCEEDED if self.ends_first else Status.CANCELLED)]
        stopped = self.traits.cancels and not self.ends_first
        return Cancelled.STOPPED if stopped else Cancelled.GOES_ON
