"""What the lines of the audit trail say, and the trail of this process that they are written to."""

from collections.abc import Collection, Hashable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import anyio

from opsmcp_server.calls.audit_repeats import REPEAT_SECONDS, Repeats
from opsmcp_server.calls.state_key import derive, read_key
from opsmcp_server.config.effective import Config
from opsmcp_server.copies.copier import Copier, copier_of
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.audit.details import (
    arguments_mac,
    bounded,
    grounds_details,
    outcome_of,
    run_details,
    shown_arguments,
)
from opsmcp_tools.audit.line import AuditEvent, Outcome, cut_text
from opsmcp_tools.audit.recorder import Recorder
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.caller import Caller, Grounds
from opsmcp_tools.model.errors import JournalUnusable, NotAllowed, ToolError
from opsmcp_tools.model.run_record import Clock, RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.runs.events import CallRefused

__all__ = ["OpenTrail", "trail_of", "write_now"]

_MOST_SETTING = 200


def trail_of(config: Config) -> Trail:
    """The trail that the settings name."""
    return Trail(
        config.audit_dir,
        config.audit.replica_name(),
        key_file=config.audit_key,
        version=version("opsmcp"),
        keep_files=config.audit.keep_days,
    )


def write_now(
    config: Config, event: str, principal: Principal, of: Principal, **details: Any
) -> None:
    """Write one line of a change to a token of `of`, for a command that opens nothing else.

    Raises:
        JournalUnusable: It cannot be written, and has to be.
    """
    if not config.audit.enabled:
        return
    trail, now = trail_of(config), datetime.now(UTC)
    caller = Caller(transport="command", auth="local")
    # Not masked: the id `token:NAME` would be taken for a token.
    whose = {"id": of.id, "name": of.name, "groups": list(of.groups)}
    shown = {"token_of": whose, **Masker(config.secret_values()).value(details)}
    try:
        trail.append([AuditEvent(event, now, principal=principal, caller=caller, details=shown)])
    except JournalUnusable:
        if config.audit.required:
            raise
    finally:
        trail.close()


class OpenTrail:
    """The trail of one process."""

    def __init__(self, config: Config, clock: Clock, masker: Masker, served: str) -> None:
        """Prepare; a server's first line is that of its start."""
        self._config, self._clock, self._masker = config, clock, masker
        self._key = derive(read_key(config.state), "audit")
        self._copier: Copier | None = copier_of(config, served)
        self.recorder = Recorder(
            trail_of(config), required=config.audit.required, now=clock.now, copies=self._copier
        )
        self._served = served
        self._repeats = Repeats(self.recorder.note, clock)
        if served:
            self.recorder.note(self._started())

    @property
    def copies_dropped(self) -> int:
        """How many lines are not in all the places that they are copied to, and never will be."""
        return self._copier.dropped if self._copier else 0

    async def run(self) -> None:
        """Write what is noted, and copy it, until cancelled."""
        async with anyio.create_task_group() as group:
            if self._copier is not None:
                group.start_soon(self._copier.run)
            group.start_soon(self._repeats.run)
            await self.recorder.run()

    async def close(self) -> None:
        """Write what is left, and sign it."""
        self._repeats.close()
        if self._served:
            self.recorder.note(self._event("server.stop", None, Caller(), {}))
        await self.recorder.close()
        if self._copier is not None:
            await self._copier.drain()

    def _started(self) -> AuditEvent:
        entries = self._config.entries()
        settings = {
            one.setting: cut_text(self._masker.text(one.value), _MOST_SETTING)
            for one in entries
            if one.origin != "default"
        }
        details = {"settings": settings, "transport": self._served}
        return self._event("server.start", None, Caller(), details)

    # Runs

    async def starting(
        self,
        record: RunRecord,
        call: CheckedCall,
        grounds: Grounds,
        who: Principal,
        caller: Caller,
    ) -> None:
        """The start of a run; raises as `Recorder.record` does."""
        details = {
            **run_details(record),
            "arguments_mac": arguments_mac(self._key, call.arguments),
            **grounds_details(grounds),
        }
        await self.recorder.record(self._event("run.start", who, caller, details))

    def ended(self, record: RunRecord) -> None:
        """The end of a run."""
        details = {
            **run_details(record),
            "verdict": str(record.verdict),
            "duration_seconds": record.duration_seconds,
        }
        who = Principal(record.principal, id=record.principal_id)
        reason, outcome = record.result.reason, outcome_of(record.verdict)
        self.recorder.note(self._event("run.end", who, Caller(), details, reason, outcome))

    def never_ran(self, refused: CallRefused) -> None:
        """The end of a run that was about to start, and was not."""
        details = {"tool": refused.tool, "run": refused.run, "verdict": "nothing_ran"}
        who = Principal(refused.principal, id=refused.principal_id)
        failed = Outcome.FAILURE
        self.recorder.note(self._event("run.end", who, Caller(), details, refused.reason, failed))

    # Everything else

    def _event(
        self,
        event: str,
        principal: Principal | None,
        caller: Caller,
        details: Mapping[str, Any],
        reason: str = "",
        outcome: Outcome = Outcome.SUCCESS,
    ) -> AuditEvent:
        now, reason = self._clock.now(), self._masker.text(reason)
        return AuditEvent(event, now, outcome, reason, principal, caller, details)

    def note(
        self,
        event: str,
        principal: Principal | None,
        caller: Caller,
        details: Mapping[str, Any],
        *,
        reason: str = "",
        failed: bool = False,
    ) -> None:
        """Something that happened."""
        outcome = Outcome.FAILURE if failed else Outcome.SUCCESS
        shown = self._bounded(details)
        self.recorder.note(self._event(event, principal, caller, shown, reason, outcome))

    async def record(
        self, event: str, principal: Principal, caller: Caller, details: Mapping[str, Any]
    ) -> None:
        """The same, on the disk; raises as `Recorder.record` does."""
        await self.recorder.record(self._event(event, principal, caller, self._bounded(details)))

    def note_once(
        self,
        key: Hashable,
        seconds: float,
        event: str,
        principal: Principal,
        caller: Caller,
        details: Mapping[str, Any],
    ) -> None:
        """One of equal keys in so many seconds; others are counted."""

        def make() -> AuditEvent:
            return self._event(event, principal, caller, self._bounded(details))

        self._repeats.take(key, seconds, make)

    def refused(
        self,
        principal: Principal,
        tool: str,
        error: ToolError,
        arguments: Mapping[str, object],
        known: Collection[str],
        caller: Caller,
    ) -> None:
        """A call that did not become a run: denied by policy, or refused for another reason."""
        reason, failed = self._masker.text(str(error)), Outcome.FAILURE
        denied = isinstance(error, NotAllowed)

        def make() -> AuditEvent:
            details: dict[str, Any] = {
                "tool": cut_text(self._masker.text(tool), 100),
                "arguments": shown_arguments(arguments, self._masker, known),
            }
            if denied:
                details |= {"effect": "deny", "rule": cut_text(getattr(error, "rule", ""))}
            event = "decide" if denied else "call.refused"
            return self._event(event, principal, caller, details, reason, failed)

        self._repeats.take(("refused", principal.id, tool, reason), REPEAT_SECONDS, make)

    def kept_out(self, reason: str, detail: str, address: str, who: Principal | None) -> None:
        """A request that did not get in; `who` sent it, where that is certain."""

        def make() -> AuditEvent:
            details = {"detail": cut_text(self._masker.text(detail))}
            caller = Caller(address=address)
            return self._event("auth.refused", who, caller, details, reason, Outcome.FAILURE)

        self._repeats.kept_out(address, make)

    def _bounded(self, details: Mapping[str, Any]) -> dict[str, Any]:
        # Masked first: the beginning of a secret that was cut would not be recognised.
        shown = self._masker.value(dict(details))
        if "arguments" in shown:
            shown["arguments"] = bounded(shown["arguments"])
        return shown
