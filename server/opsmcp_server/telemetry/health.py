"""Whether this process is alive, and whether it should be given requests.

Not ready is only what another replica would do better: no catalogue yet, a journal or an audit
trail that cannot be written, stopping. A source or an issuer that is away is away for all of them,
and one outage would take the whole service down: it is told in the body, and the server goes on
with what it has.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import JournalWritten, Observed
from opsmcp_tools.model.errors import JournalBusy

__all__ = ["Health"]

_UNWRITABLE_SECONDS = 30.0
"""How long one write that failed counts: without requests nothing would be written again."""


class Health:
    """How a server is."""

    def __init__(self, context: CallContext, is_stopping: Callable[[], bool]) -> None:
        """Listen for what the journal says."""
        self._tools, self._audit = context.tools, context.audit
        self._is_stopping = is_stopping
        self._unwritable_until = 0.0
        context.observers.add(self._note)

    def _note(self, event: Observed, /) -> None:
        if not isinstance(event, JournalWritten) or isinstance(event.error, JournalBusy):
            return  # another process writes it at the moment: that is no fault of this one
        self._unwritable_until = monotonic() + _UNWRITABLE_SECONDS if event.error else 0.0

    @property
    def age_seconds(self) -> float | None:
        """How long ago the whole source was read well; None if it never was."""
        read = self._tools.discovery.health.read_at
        return (datetime.now(UTC) - read).total_seconds() if read else None

    @property
    def _journal_is_good(self) -> bool:
        return monotonic() >= self._unwritable_until

    @property
    def _audit_is_good(self) -> bool:
        """Whether the audit trail can be written, where nothing may start without it."""
        return not self._audit.failure

    @property
    def is_ready(self) -> bool:
        """Whether it should be given requests."""
        known = self._tools.toolbox is not None
        kept = self._journal_is_good and self._audit_is_good
        return known and kept and not self._is_stopping()

    def routes(self) -> list[Route]:
        """`/healthz` and `/readyz`."""
        return [Route("/healthz", self._alive), Route("/readyz", self._ready)]

    async def _alive(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self, _request: Request) -> Response:
        health, toolbox, age = self._tools.discovery.health, self._tools.toolbox, self.age_seconds
        shown = toolbox.generation if toolbox else 0
        body = {
            "ready": self.is_ready,
            "up_to_date": not health.failures and shown == health.generation,
            "age_seconds": round(age, 1) if age is not None else None,
            "failures": health.failures,
            "journal": self._journal_is_good,
            "audit": self._audit_is_good,
            "stopping": self._is_stopping(),
        }
        return JSONResponse(body, status_code=200 if self.is_ready else 503)
