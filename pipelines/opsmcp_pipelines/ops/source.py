"""The Ops server as a `Source`: its catalogue, and starting and reading runs on it.

Never deletes or changes anything. Ops has no way to cancel a run. How the API behaves: pkg/server
of https://github.com/shaowenchen/ops.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Set
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar, cast

import anyio

from opsmcp_pipelines.catalogue import Contents, Problem
from opsmcp_pipelines.errors import (
    NotFound,
    NotOurRun,
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnavailable,
    StartOutcomeUnknown,
)
from opsmcp_pipelines.models import Cluster, Definition, OperationKey, OperationKind
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.ops.answer import NotReceived
from opsmcp_pipelines.ops.client import OpsClient, Page
from opsmcp_pipelines.ops.events import read_events
from opsmcp_pipelines.ops.fields import Fields, Malformed
from opsmcp_pipelines.ops.listing import Listing, Named, read_listing
from opsmcp_pipelines.ops.run_hints import RunHints
from opsmcp_pipelines.ops.settings import OpsSettings, parse_server
from opsmcp_pipelines.ops.stuck_sign import sign_of
from opsmcp_pipelines.platform_events import EventPage
from opsmcp_pipelines.run import RunReport
from opsmcp_pipelines.source import CALL_ID_VARIABLE, Cancelled, RunRef, StartRequest, Traits
from opsmcp_pipelines.source_request import Observe, unobserved
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_on_ops

__all__ = ["OpsSettings", "OpsSource", "open_ops_source", "parse_server"]

_log = logging.getLogger(__name__)

_RUNS = MappingProxyType(
    {OperationKind.PIPELINE: "pipelineruns", OperationKind.TASK: "taskruns"},
)
_REFS = MappingProxyType(
    {OperationKind.PIPELINE: "pipelineRef", OperationKind.TASK: "taskRef"},
)

# Runs carry all their output, so pages of them are small, and only the newest are looked at: more
# than Ops keeps of one operation, unless somebody starts hundreds within the half hour.
_RUNS_PER_PAGE = 20
_RUN_PAGES = 25

# Those of many runs in flight, read together. Finished runs are among them: after a page that tells
# of few, it is cheaper to ask for the others one by one.
_SHARED_PER_PAGE = 100
_SHARED_LEAST_PER_PAGE = 5
_SHARED_BYTES_PER_PAGE = 4 * 1024 * 1024
_SHARED_PAGES = 10
_SHARED_WORTH = 3

_HEARD_NAMESPACES = 4
"""A long poll each: runs of others are followed without events."""

T = TypeVar("T", bound=Named)
_Listings = dict[tuple[str, str], Listing[Named]]


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
        self._listings: _Listings = {}
        self._contents: Contents | None = None
        self._page_sizes: dict[tuple[str, str], int] = {}
        names = self._namespaces[:_HEARD_NAMESPACES] if client.settings.hears_runs else ()
        self._hints = {name: RunHints(name, self.read_events) for name in names}

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
        fresh: _Listings = {}
        pipelines = await self._read_all("pipelines", wire.parse_pipeline, fresh)
        tasks = await self._read_all("tasks", wire.parse_task, fresh)
        clusters = await self._read_all("clusters", wire.parse_cluster, fresh)
        hosts = await self._read_all("hosts", wire.parse_host, fresh)
        if self._contents is not None and self._unchanged(fresh):
            return self._contents
        contents = Contents(
            pipelines=pipelines.good,
            tasks=tasks.good,
            clusters=_first_of_each_name(clusters.good),
            hosts=hosts.good,
            problems=(
                *_problems(pipelines.broken, OperationKind.PIPELINE),
                *_problems(tasks.broken, OperationKind.TASK),
            ),
        )
        # Only now, after all of it could be read, may the next reading compare with this one.
        self._listings = fresh
        # Heartbeats change the bytes every few minutes and mean nothing here.
        if self._contents is None or contents != self._contents:
            _warn_of_broken("cluster", clusters.broken)
            _warn_of_broken("host", hosts.broken)
            self._contents = contents
            return contents
        return self._contents

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
            data = await self._client.post(
                key.namespace, _RUNS[key.kind], body, what=f"start {key}"
            )
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
        data = await self._client.get(key.namespace, _RUNS[key.kind], ref.name)
        if not isinstance(data, dict):
            raise SourceProtocolError(
                f"could not read the run {ref.name!r}: {self.label} answered without one"
            )
        if not _is(ref, cast("object", data)):
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
        reports: dict[RunRef, RunReport] = {}
        lists = {(ref.operation.namespace, ref.operation.kind) for ref in refs}
        for ref in refs:
            if hints := self._hints_of(ref):
                hints.note_read(ref.name)
        for namespace, kind in lists:
            wanted = {
                ref.name: ref
                for ref in refs
                if (ref.operation.namespace, ref.operation.kind) == (namespace, kind)
            }
            reports.update(await self._read_listed(namespace, _RUNS[kind], wanted, turn))
        return reports

    async def _read_listed(
        self,
        namespace: str,
        kind: str,
        wanted: dict[str, RunRef],
        turn: Callable[[], Awaitable[None]],
    ) -> Mapping[RunRef, RunReport]:
        reports: dict[RunRef, RunReport] = {}
        largest = self._page_sizes.get((namespace, kind), _SHARED_PER_PAGE)
        size = min(largest, len(wanted) + _RUNS_PER_PAGE)
        for number in range(1, _SHARED_PAGES + 1):
            await turn()
            try:
                page = await self._client.page(namespace, kind, number, size=size)
            except SourceProtocolError:
                self._page_sizes[namespace, kind] = max(_SHARED_LEAST_PER_PAGE, size // 2)
                raise
            before = len(reports)
            for item in page.objects():
                ref = wanted.get(wire.parse_run_name(item))
                if ref and isinstance(item, dict) and _is(ref, cast("object", item)):
                    found = cast("dict[str, object]", item)
                    reports[ref] = wire.parse_run(found, ref.operation)
                    self._note_end(ref, reports[ref])
            self._page_sizes[namespace, kind] = _fitting(page)
            if len(reports) - before < _SHARED_WORTH or page.mark.count < size:
                break
            if len(reports) == len(wanted):
                break
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
                key.namespace, _RUNS[key.kind], number, size=_RUNS_PER_PAGE, search=key.name
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

    async def _read_all(
        self, kind: str, parse: Callable[[Fields, str], T], fresh: _Listings
    ) -> wire.Objects[T]:
        """The objects of one kind in all namespaces; puts the listings into `fresh`."""
        listings: list[Listing[T]] = []
        for namespace in self._namespaces:
            before = cast("Listing[T] | None", self._listings.get((namespace, kind)))
            listing = await read_listing(self._client, namespace, kind, parse, before)
            fresh[namespace, kind] = listing
            listings.append(listing)
        return wire.Objects(
            tuple(item for listing in listings for item in listing.objects.good),
            tuple(item for listing in listings for item in listing.objects.broken),
        )

    def _unchanged(self, fresh: _Listings) -> bool:
        return all(self._listings.get(key) is listing for key, listing in fresh.items())


def _is(ref: RunRef, data: object) -> bool:
    """Whether this is the run that `ref` means: its name, its operation and its call."""
    return wire.parse_run_name(data) == ref.name and wire.is_run_of(
        data, ref.operation, ref.call_id
    )


def _fitting(page: Page) -> int:
    """How many runs the next pages may hold, so that none is too large to be read at once."""
    if not page.mark.count:
        return _SHARED_PER_PAGE
    each = len(page.answer.body) / page.mark.count
    return int(min(max(_SHARED_BYTES_PER_PAGE / each, _SHARED_LEAST_PER_PAGE), _SHARED_PER_PAGE))


def _first_of_each_name(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
    by_name: dict[str, Cluster] = {}
    for cluster in clusters:
        by_name.setdefault(cluster.name, cluster)
    return tuple(by_name.values())


def _problems(broken: tuple[wire.Broken, ...], kind: OperationKind) -> tuple[Problem, ...]:
    return tuple(Problem(item.name, kind, item.reason, item.namespace) for item in broken)


def _warn_of_broken(kind: str, broken: tuple[wire.Broken, ...]) -> None:
    for item in broken:
        _log.warning("left out the %s %s/%s: %s", kind, item.namespace, item.name, item.reason)


@asynccontextmanager
async def open_ops_source(
    settings: OpsSettings, observe: Observe = unobserved
) -> AsyncGenerator[OpsSource]:
    """Open the connection pool of an Ops server; no request is sent yet."""
    async with OpsClient.open(settings, observe) as client:
        yield OpsSource(client, settings.namespaces)
