"""How runs in flight stand, many at once: from the lists of runs, instead of one by one.

Finished runs are in those lists, too: after a page that tells of few, it is cheaper to ask for the
others one by one.
"""

from collections.abc import Awaitable, Callable, Mapping, Set
from types import MappingProxyType

from opsmcp_pipelines.errors import SourceProtocolError
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.ops.client import OpsClient, Page
from opsmcp_pipelines.report import RunReport
from opsmcp_pipelines.source import RunRef
from opsmcp_pipelines.untyped import mapping_of

__all__ = ["RUNS", "RunLists", "is_the_run"]

RUNS = MappingProxyType({OperationKind.PIPELINE: "pipelineruns", OperationKind.TASK: "taskruns"})
"""What the API calls the runs of each kind of operation."""

_MARGIN = 20
"""How many more runs than are sought a page holds: others were made meanwhile."""

_PER_PAGE = 100
_LEAST_PER_PAGE = 5
_BYTES_PER_PAGE = 4 * 1024 * 1024
_PAGES = 10
_WORTH = 3

Turn = Callable[[], Awaitable[None]]
"""Awaited before each request: it keeps the rate."""


class RunLists:
    """Reads those of one server, and knows how large a page may be."""

    def __init__(self, client: OpsClient) -> None:
        """Read nothing yet."""
        self._client = client
        self._page_sizes: dict[tuple[str, str], int] = {}

    async def read(self, refs: Set[RunRef], turn: Turn) -> Mapping[RunRef, RunReport]:
        """How these runs stand, newest first; some may be left out.

        Raises:
            SourceError: They cannot be read now.
        """
        reports: dict[RunRef, RunReport] = {}
        for namespace, kind in {(ref.operation.namespace, ref.operation.kind) for ref in refs}:
            wanted = {
                ref.name: ref
                for ref in refs
                if (ref.operation.namespace, ref.operation.kind) == (namespace, kind)
            }
            reports.update(await self._read_list(namespace, RUNS[kind], wanted, turn))
        return reports

    async def _read_list(
        self, namespace: str, kind: str, wanted: Mapping[str, RunRef], turn: Turn
    ) -> Mapping[RunRef, RunReport]:
        reports: dict[RunRef, RunReport] = {}
        largest = self._page_sizes.get((namespace, kind), _PER_PAGE)
        size = min(largest, len(wanted) + _MARGIN)
        for number in range(1, _PAGES + 1):
            await turn()
            try:
                page = await self._client.page(namespace, kind, number, size=size)
            except SourceProtocolError:
                self._page_sizes[namespace, kind] = max(_LEAST_PER_PAGE, size // 2)
                raise
            before = len(reports)
            reports.update(_found(page, wanted))
            self._page_sizes[namespace, kind] = _fitting(page)
            if len(reports) - before < _WORTH or page.mark.count < size:
                break
            if len(reports) == len(wanted):
                break
        return reports


def _found(page: Page, wanted: Mapping[str, RunRef]) -> Mapping[RunRef, RunReport]:
    """Those of the wanted runs that are on a page."""
    reports: dict[RunRef, RunReport] = {}
    for item in page.objects():
        ref = wanted.get(wire.parse_run_name(item))
        if ref and is_the_run(item, ref):
            reports[ref] = wire.parse_run(mapping_of(item), ref.operation)
    return reports


def _fitting(page: Page) -> int:
    """How many runs the next pages may hold, so that none is too large to be read at once."""
    if not page.mark.count:
        return _PER_PAGE
    each = len(page.answer.body) / page.mark.count
    return int(min(max(_BYTES_PER_PAGE / each, _LEAST_PER_PAGE), _PER_PAGE))


def is_the_run(data: object, ref: RunRef) -> bool:
    """Whether this is the run that `ref` means: its name, its operation and its call."""
    return wire.parse_run_name(data) == ref.name and wire.is_run_of(
        data, ref.operation, ref.call_id
    )
