"""The Ops server as a `Source`: its catalogue, and starting and reading runs on it.

Never deletes or changes anything. Ops has no way to cancel a run. How the API behaves: pkg/server
of https://github.com/shaowenchen/ops.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Set
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar, cast

import anyio

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.errors import (
    NotFound,
    NotOurRun,
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnavailable,
    StartOutcomeUnknown,
)
from opsmcp_pipelines.models import Definition, OperationKey, OperationKind
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.ops.answer import NotReceived
from opsmcp_pipelines.ops.client import OpsClient
from opsmcp_pipelines.ops.contents import ContentsReader
from opsmcp_pipelines.ops.events import read_events
from opsmcp_pipelines.ops.fields import Fields, Malformed
from opsmcp_pipelines.ops.listing import Named
from opsmcp_pipelines.ops.run_hints import RunHints
from opsmcp_pipelines.ops.run_lists import RUNS, RunLists, is_the_run
from opsmcp_pipelines.ops.settings import OpsSettings, parse_server
from opsmcp_pipelines.ops.stuck_sign import sign_of
from opsmcp_pipelines.platform_events import EventPage, ReadEvents
from opsmcp_pipelines.run import RunReport
from opsmcp_pipelines.source import CALL_ID_VARIABLE, Cancelled, RunRef, StartRequest, Traits
from opsmcp_pipelines.source_request import Observe, unobserved
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_on_ops

__all__ = ["OpsSettings", "OpsSource", "open_ops_source", "parse_server"]

_REFS = MappingProxyType(
    {OperationKind.PIPELINE: "pipelineRef", OperationKind.TASK: "taskRef"},
)

# Runs carry all their output, so pages of them are small, and only the newest are looked at: more
# than Ops keeps of one operation, unless somebody starts hundreds within the half hour.
_RUNS_PER_PAGE = 20
_RUN_PAGES = 25

_HEARD_NAMESPACES = 4
"""A long poll each: runs of others are followed without events."""

T = TypeVar("T", bound=Named)


OPS_TRAITS = Traits(
    pastes_values=True,
    runs_here=False,
    looks_are_requests=True,
    first_poll_seconds=0.25,
    # Ops gives up after 61 seconds when its Kubernetes API is silent.
    acts_late_seconds=65.0,
    cancels=False,
)


class OpsSource:
    """One Ops server. Made by `open_ops_source`."""

    def __init__(self, client: OpsClient, namespaces: tuple[str, ...]) -> None:
        """Use an open client to read these namespaces."""
        self._client = client
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._contents = ContentsReader(client, self._namespaces)
        self._lists = RunLists(client)
        names = self._namespaces[:_HEARD_NAMESPACES] if client.settings.hears_runs else ()
        self._read_hints: ReadEvents = self.read_events
        self._hints = {name: RunHints(name, self._read_hint) for name in names}

    @property
    def label(self) -> str:
        """The server with its address."""
        return self._client.label

    @property
    def traits(self) -> Traits:
        """What an Ops server is like."""
        return OPS_TRAITS

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        """What a run must show, because Ops leaves out without a word what it did not do."""
        return expected_on_ops(definition, contents.hosts, variables)

    def sign_of(self, report: RunReport) -> str:
        """What a run that does not end was last seen doing, and what that is a sign of."""
        return sign_of(report)

    async def read(self) -> Contents:
        """Read all operations and the inventory of all namespaces.

        Returns:
            The very same object as the last time when nothing changed.
        """
        return await self._contents.read()

    async def start(self, request: StartRequest) -> RunRef:
        """Start a run with a single request, marked with its call id.

        Raises:
            StartOutcomeUnknown: The request may have been received; never repeat it blindly.
            SourceUnavailable: The request was certainly not acted upon.
            SourceRefused: No run was made.
        """
        key = request.operation
        body = {
            _REFS[key.kind]: key.name,
            # A pipeline's variables are replaced as a whole, so the request holds all of them.
            "variables": {**request.variables, CALL_ID_VARIABLE: request.call_id},
        }
        try:
            data = await self._client.post(key.namespace, RUNS[key.kind], body, what=f"start {key}")
        except (NotReceived, SourceRefused):
            raise
        except SourceError as error:
            raise StartOutcomeUnknown(f"{error}. Whether it was started is not known") from error
        name = wire.parse_run_name(data)
        if not name or not wire.is_run_of(data, key, request.call_id):
            what = "with another run" if name else "without the name of the run"
            raise StartOutcomeUnknown(
                f"could not start {key}: {self.label} answered {what}. "
                "Whether it was started is not known"
            )
        return RunRef(key, name, request.call_id)

    async def read_run(self, ref: RunRef) -> RunReport:
        """Read how a run stands.

        Raises:
            NotFound: It does not exist, or was deleted.
            NotOurRun: What has its name is a run of another call or operation.
        """
        key = ref.operation
        if hints := self._hints_of(ref):
            hints.note_read(ref.name)
        data = await self._client.get(key.namespace, RUNS[key.kind], ref.name)
        if not isinstance(data, dict):
            raise SourceProtocolError(
                f"could not read the run {ref.name!r}: {self.label} answered without one"
            )
        if not is_the_run(cast("object", data), ref):
            raise NotOurRun(
                f"what {self.label} shows as {ref.name!r} is not the run of this call of {key}"
            )
        report = wire.parse_run(cast("dict[str, object]", data), key)
        self._note_end(ref, report)
        return report

    async def read_events(
        self, pattern: str, since: datetime | None, wait_seconds: float
    ) -> EventPage:
        """The events on the subjects of a pattern, by one long poll."""
        return await read_events(self._client, pattern, since, wait_seconds)

    async def hear(self, turn: Callable[[], Awaitable[None]]) -> None:
        """Listen to the ends of pipeline runs while some are waited for, until cancelled."""
        async with anyio.create_task_group() as group:
            for hints in self._hints.values():
                group.start_soon(hints.hear, turn)

    def hear_by(self, read: ReadEvents) -> None:
        """Listen in this way from now on."""
        self._read_hints = read

    async def _read_hint(
        self, pattern: str, since: datetime | None, wait_seconds: float
    ) -> EventPage:
        return await self._read_hints(pattern, since, wait_seconds)

    async def hinted(self, ref: RunRef) -> None:
        """Return when something was heard of the run since it was last read; perhaps never."""
        if hints := self._hints_of(ref):
            await hints.hinted(ref.name)
        else:
            await anyio.sleep_forever()

    def hints_ends(self, ref: RunRef) -> bool:
        """Whether the ends of pipeline runs of its namespace were heard of late."""
        hints = self._hints_of(ref)
        return hints is not None and hints.hints_ends

    def _hints_of(self, ref: RunRef) -> RunHints | None:
        is_pipeline = ref.operation.kind is OperationKind.PIPELINE
        return self._hints.get(ref.operation.namespace) if is_pipeline else None

    def _note_end(self, ref: RunRef, report: RunReport) -> None:
        hints = self._hints_of(ref)
        if hints is not None and report.status.ended:
            hints.note_end(ref.name)

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        """Read how these runs stand from the lists of runs, newest first; some may be left out."""
        for ref in refs:
            if hints := self._hints_of(ref):
                hints.note_read(ref.name)
        reports = await self._lists.read(refs, turn)
        for ref, report in reports.items():
            self._note_end(ref, report)
        return reports

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        """Find the run that carries this call id, among the newest of its operation.

        Raises:
            SourceUnavailable: Also when runs went while their list was read, and with them the run
                may have moved to a page that was read before.
        """
        key = operation
        least = 0
        for number in range(1, _RUN_PAGES + 1):
            await turn()
            page = await self._client.page(
                key.namespace, RUNS[key.kind], number, size=_RUNS_PER_PAGE, search=key.name
            )
            for item in page.objects():
                if wire.is_run_of(item, key, call_id):
                    name = wire.parse_run_name(item)
                    return RunRef(key, name, call_id) if name else None
            if page.mark.total < least:
                raise SourceUnavailable(
                    f"could not search the runs of {key}: they changed while they were read"
                )
            least = page.mark.total
            if page.mark.count < _RUNS_PER_PAGE:
                break
        return None

    async def read_definition(self, operation: OperationKey) -> Definition | None:
        """What an operation consists of now, read object by object; None if one is not there."""
        namespace = operation.namespace
        try:
            if operation.kind is OperationKind.TASK:
                task = await self._read_one(namespace, "tasks", operation.name, wire.parse_task)
                return Definition(task, (task,))
            pipeline = await self._read_one(
                namespace, "pipelines", operation.name, wire.parse_pipeline
            )
            tasks = {
                name: await self._read_one(namespace, "tasks", name, wire.parse_task)
                for name in dict.fromkeys(ref.task for ref in pipeline.tasks)
            }
        except NotFound:
            return None
        return Definition(pipeline, tuple(tasks[ref.task] for ref in pipeline.tasks))

    async def _read_one(
        self, namespace: str, kind: str, name: str, parse: Callable[[Fields, str], T]
    ) -> T:
        try:
            return parse(Fields.of(await self._client.get(namespace, kind, name)), namespace)
        except Malformed as error:
            raise SourceProtocolError(f"could not read {name!r} of the {kind}: {error}") from error

    async def read_nodes(self, cluster: str) -> tuple[str, ...]:
        """The names of the nodes of a cluster, sorted; from the first namespace that has it."""
        refused: SourceError | None = None
        for namespace in self._namespaces:
            try:
                items = await self._client.nodes(namespace, cluster)
            except SourceError as error:
                refused = error
            else:
                names = {wire.parse_run_name(item) for item in items}
                return tuple(sorted(names - {""}))
        raise refused or SourceRefused(f"could not list the nodes of {cluster!r}")

    async def cancel(self, ref: RunRef) -> Cancelled:
        """Nothing is done: Ops has no way to stop a run."""
        return Cancelled.GOES_ON


@asynccontextmanager
async def open_ops_source(
    settings: OpsSettings, observe: Observe = unobserved
) -> AsyncGenerator[OpsSource]:
    """Open the connection pool of an Ops server; no request is sent yet."""
    async with OpsClient.open(settings, observe) as client:
        yield OpsSource(client, settings.namespaces)
