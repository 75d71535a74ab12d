"""The audit trail of one opsmcp, for everything that happens in it: the one place that writes it.

Opened with the first line, so that a client which only lists tools pays nothing for it. Knows what
a line says of what happens; `opsmcp_tools.audit` knows how lines are kept.
"""

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import anyio

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.caller import CALLER, Caller, Grounds
from opsmcp_tools.model.errors import JournalUnusable, ToolError
from opsmcp_tools.model.run_record import Clock, RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.runs.events import CallRefused, CancelAsked, Event, RunEnded

if TYPE_CHECKING:
    from opsmcp_server.calls.audit_trail import OpenTrail

__all__ = ["Audit"]

logger = logging.getLogger(__name__)


class Audit:
    """Writes the trail, or nothing where the settings switch it off."""

    def __init__(self, config: Config, clock: Clock, masker: Masker) -> None:
        """Prepare; nothing is imported, read or made."""
        self._config, self._clock, self._masker = config, clock, masker
        self._needed = anyio.Event()
        self._open: OpenTrail | None = None
        self._served = ""

    @property
    def is_enabled(self) -> bool:
        """Whether it is written."""
        return self._config.audit.enabled

    @property
    def failure(self) -> str:
        """Why lines cannot be written at the moment; empty where they can, or nobody needs it."""
        needed = self._config.audit.required and self._open is not None
        return self._open.recorder.failure if needed and self._open else ""

    @property
    def last_seq(self) -> int:
        """The number of the last line; 0 where none was written yet."""
        return self._open.recorder.last_seq if self._open else 0

    @property
    def errors(self) -> int:
        """How often lines could not be written."""
        return self._open.recorder.errors if self._open else 0

    @property
    def copies_dropped(self) -> int:
        """How many copies of lines were dropped, or refused where they were sent."""
        return self._open.copies_dropped if self._open else 0

    def serve(self, transport: str) -> None:
        """This is a server: its start and its stop are lines, too."""
        self._served = transport

    async def begin(self) -> None:
        """Write the first line now, rather than with the first that happens.

        Raises:
            ConfigError: It cannot be written, and has to be.
        """
        if not self.is_enabled:
            return
        try:
            await self._trail().recorder.flush()
        except JournalUnusable as error:
            if not self._config.audit.required:
                return
            origin = self._config.origins.get("audit.dir", "default")
            raise ConfigError(f"audit.dir: {error} ({origin})") from error

    async def run(self) -> None:
        """Write what is noted until cancelled."""
        await self._needed.wait()
        await self._trail().run()

    async def close(self) -> None:
        """Write what is left, and sign it."""
        if self._open is not None:
            await self._open.close()

    def _trail(self) -> "OpenTrail":
        if self._open is None:
            # Imported with the first line: most starts of `opsmcp stdio` only list.
            from opsmcp_server.calls.audit_trail import OpenTrail

            self._open = OpenTrail(self._config, self._clock, self._masker, self._served)
            self._needed.set()
        return self._open

    def caller(self, principal: Principal | None = None) -> Caller:
        """Through what the request that is being handled came in."""
        found = CALLER.get()
        if found is not None:
            return found
        kind = (principal.id if principal else "").partition(":")[0]
        if kind in ("responder", "schedule"):
            return Caller(auth=kind)
        return Caller(transport=self._served or "command", auth="local")

    # What happens

    async def starting(
        self, record: RunRecord, call: CheckedCall, principal: Principal, grounds: Grounds
    ) -> None:
        """Put the start of a run on the disk, before it starts.

        Raises:
            JournalUnusable: It cannot be, and has to be: nothing may be started.
        """
        if self.is_enabled:
            caller = self.caller(principal)
            await self._trail().starting(record, call, grounds, principal, caller)

    def __call__(self, event: Event) -> None:
        """Note how a run ended, or that one which was about to start never did."""
        if not self.is_enabled:
            return
        if isinstance(event, RunEnded):
            self._trail().ended(event.record)
        elif isinstance(event, CallRefused) and event.run:
            self._trail().never_ran(event)
        elif isinstance(event, CancelAsked):
            done = event.done.value.replace("_", " ")
            run, tool = event.record.run, event.record.tool
            self.note("run.cancel", event.principal, reason=done, run=run, tool=tool)

    async def record(self, event: str, principal: Principal, **details: Any) -> None:
        """Write a line now.

        Raises:
            JournalUnusable: It cannot be written, and has to be.
        """
        if self.is_enabled:
            await self._trail().record(event, principal, self.caller(principal), details)

    def note(
        self,
        event: str,
        principal: Principal | None,
        *,
        reason: str = "",
        failed: bool = False,
        caller: Caller | None = None,
        **details: Any,
    ) -> None:
        """Write a line soon."""
        if self.is_enabled:
            caller = caller or self.caller(principal)
            self._trail().note(event, principal, caller, details, reason=reason, failed=failed)

    def note_once(self, key: str, seconds: float, event: str, who: Principal, **more: Any) -> None:
        """Write a line soon; of equal keys in so many seconds one, and then how many there were."""
        if self.is_enabled:
            whole = (event, who.id, key)
            self._trail().note_once(whole, seconds, event, who, self.caller(who), more)

    def refused(
        self,
        principal: Principal,
        tool: str,
        error: ToolError,
        arguments: Mapping[str, object],
        known: Collection[str] = (),
    ) -> None:
        """Note a call that did not become a run, once; `known` are the arguments of the tool."""
        if self.is_enabled and not error.is_audited:
            error.is_audited = True
            caller = self.caller(principal)
            self._trail().refused(principal, tool, error, arguments, known, caller)

    def listed(self, principal: Principal) -> None:
        """Note that tools were listed: with the first line of this process, or later."""
        if self.is_enabled and self._open is not None:
            self.note_once("", 3600.0, "list", principal)

    def entered(self, principal: Principal, caller: Caller) -> None:
        """Note that somebody got in with a good token, the first time in an hour."""
        if self.is_enabled:
            key = ("auth.ok", principal.id, caller.client_id, caller.address)
            self._trail().note_once(key, 3600.0, "auth.ok", principal, caller, {})

    def kept_out(
        self, reason: str, detail: str, address: str, who: Principal | None = None
    ) -> None:
        """Note that somebody did not get in; those of one address beyond 20 a minute as a count."""
        if self.is_enabled:
            self._trail().kept_out(reason, detail, address, who)
