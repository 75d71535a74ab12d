"""Adoption: every new catalogue becomes the tools that clients see.

They are made in a thread, since thousands of them would stall every client, and under a watchdog:
an operation that takes too long is withheld for as long as it is what it is. Whatever else goes
wrong, the last good tools stay.
"""

import gc
import logging
from functools import partial

import anyio
from anyio.abc import TaskGroup

from opsmcp_pipelines.catalogue import Catalogue, Difference
from opsmcp_pipelines.models import Operation
from opsmcp_pipelines.watchdog import Progress, Stuck, run_watched
from opsmcp_server.protocol.published import Offer, Published
from opsmcp_tools.model.errors import UnusableOperation

__all__ = ["Adoption"]

logger = logging.getLogger(__name__)

_OPERATION_SECONDS = 20.0
"""How long it may take to make the tool of one operation: thousands are made in a second."""

_MOST_COSTLY = 64
"""Most operations that are remembered as taking too long; each may still occupy a thread."""

_TOO_COSTLY = f"it takes longer than {_OPERATION_SECONDS:.0f} seconds to check"


class Adoption:
    """Keeps the tools of the clients up to date with what discovery finds."""

    def __init__(
        self,
        clients: Published,
        group: TaskGroup,
        *,
        operation_seconds: float = _OPERATION_SECONDS,
    ) -> None:
        """Adopt nothing yet; what is not waited for goes into the task group."""
        self._clients = clients
        self._calls = clients.calls
        self._group = group
        self._operation_seconds = operation_seconds
        self._newest: Catalogue | None = None
        self._costly: list[Operation] = []
        self._lock = anyio.Lock()

    async def run(self) -> None:
        """Discover and adopt until cancelled."""
        self._calls.tools.discovery.subscribe(self._changed)
        await self._group.start(self._calls.tools.discovery.run)
        await self._catch_up()
        self._calls.tools.first_read.set()
        if self._calls.config.policy.pin:
            await self._watch_approvals()

    def _changed(self, catalogue: Catalogue, _difference: Difference) -> None:
        self._newest = catalogue
        self._group.start_soon(self._catch_up)

    async def _catch_up(self) -> None:
        """Return once the newest catalogue is the one that clients see, or could not be adopted."""
        async with self._lock:
            while self._newest is not None:
                catalogue, self._newest = self._newest, None
                try:
                    await self._adopt(catalogue)
                except Exception:  # the last good tools stay
                    logger.exception("catalogue %d could not be adopted", catalogue.generation)
                    self._group.start_soon(self._adopt_later, catalogue)

    async def _adopt_later(self, catalogue: Catalogue) -> None:
        """Try again, unless there is a newer one by then."""
        await self._pause()
        self._newest = self._newest or catalogue
        await self._catch_up()

    async def _watch_approvals(self) -> None:
        """Make the tools again whenever somebody approved something; ends by being cancelled."""
        clients = self._clients
        while True:
            await self._pause()
            if self._calls.tools.toolbox is not None and clients.approvals.changed():
                self._newest = self._newest or self._calls.tools.toolbox.catalogue
                await self._catch_up()

    async def _pause(self) -> None:
        await self._calls.clock.sleep(self._calls.config.discovery.interval_seconds)

    async def _adopt(self, catalogue: Catalogue) -> None:
        clients = self._clients
        first = self._calls.tools.toolbox is None
        # Until the first read requests wait, so nobody was shown less than there is.
        shown = self._calls.tools.first_read.is_set() or self._calls.tools.waited_in_vain
        changed = clients.adopt(await self._build(catalogue))
        if first:
            _spare_what_stays()
        if changed and shown:
            self._group.start_soon(clients.sessions.lists_changed)

    async def _build(self, catalogue: Catalogue) -> Offer:
        """The tools, without those that took too long.

        Raises:
            Stuck: It was not one operation that did.
        """
        work = partial(self._build_in_thread, catalogue)
        while True:
            try:
                return await run_watched(work, None, item_seconds=self._operation_seconds)
            except Stuck as stuck:
                if not isinstance(stuck.item, Operation):
                    raise
                logger.error("%s is withheld: %s", stuck.item.key, _TOO_COSTLY)  # noqa: TRY400
                self._costly = [*self._costly[1 - _MOST_COSTLY :], stuck.item]

    def _build_in_thread(self, catalogue: Catalogue, progress: Progress[Operation | None]) -> Offer:
        def at(operation: Operation | None) -> None:
            progress.at(operation)
            if operation in self._costly:
                raise UnusableOperation(_TOO_COSTLY)

        return self._clients.build(catalogue, at)


def _spare_what_stays() -> None:
    """Keep the garbage collector from walking modules and the first catalogue again and again.

    Lists cost a third less. Once only: whatever is spared later is never looked through, unless
    everything is, and that stops all clients for a quarter of a second. The portions are small for
    the same reason: with ten times larger ones clients wait twice as long for the collector.
    """
    gc.set_threshold(5_000, 10, 10)
    gc.freeze()
