"""The incidents of one opsmcp, for whoever works on them or looks at them; disk work in threads."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ExpressionFailed
from opsmcp_tools.approval_requests.request import OPSMCP
from opsmcp_tools.incidents.brakes import Obstacles, Pause
from opsmcp_tools.incidents.conversation import Conversation
from opsmcp_tools.incidents.correlation import Correlation
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Change
from opsmcp_tools.incidents.responder import Bounds, Responder, Responders
from opsmcp_tools.incidents.sqlite_conversations import SqliteConversations
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.model.errors import JournalUnusable, RunsUnreadable, ToolUnavailable
from opsmcp_tools.phrases.phrase import Said, say

__all__ = ["Records"]

ResultT = TypeVar("ResultT")


class Records:
    """What is kept of incidents, and the settings that it is judged by."""

    def __init__(self, context: CallContext, owner: str = "") -> None:
        """Prepare; nothing is opened. `owner` is the name of this process, if it works on them."""
        config = context.config
        self._context = context
        self._owner = owner
        self._store: SqliteIncidents | None = None
        limits = config.events.limits
        bounds = Bounds(limits.open_incidents, limits.runs_per_hour, limits.places_per_hour)
        self._settings = (config.events.quiet, bounds)
        self.responders = Responders(config.responders)

    def correlation(self) -> Correlation:
        """What becomes of incidents when signals are recorded."""
        language = self._context.config.tools.language
        observers = self._context.observers
        return Correlation(
            self.responders,
            self._settings[1],
            language,
            on_failed=lambda responder: observers(ExpressionFailed(responder)),
        )

    # Working on them

    async def claim(self) -> tuple[Incident, ...]:
        """Incidents to look at, which nobody else works on."""
        if not await self._read(lambda store, now: store.is_any_waiting(now)):
            return ()
        return await self._write(lambda store, now: store.claim(now))

    async def look_at_all(self) -> None:
        """Let all incidents be looked at at once, as the clock was set back."""
        await self._write(lambda store, now: store.look_at_all(now))

    async def renew(self, incident: Incident) -> bool:
        """Keep it for longer; False when another process has it."""
        return await self._write(lambda store, now: store.renew(incident, now))

    async def change(self, incident: Incident, change: Change) -> Incident | None:
        """Make of it what has become of it; None when it is another process's."""
        why = self._context.masker.text(say(change.why, self._context.config.tools.language))
        return await self._write(
            lambda store, now: store.change(
                incident, change, why, now, OPSMCP, self.responders.get(incident.responder)
            )
        )

    async def look_later(self, incident: Incident, seconds: float) -> bool:
        """Let go of it for so many seconds, or until something comes in."""
        return await self._write(
            lambda store, now: store.look_later(incident, now + timedelta(seconds=seconds), now)
        )

    async def begin_run(
        self, incident: str, attempt: int, responder: Responder, places: Sequence[str]
    ) -> Said | None:
        """Note that its run is about to be started, or what keeps it from that.

        Raises:
            NotFiring: It must not be started.
        """
        return await self._write(
            lambda store, now: store.begin_run(
                incident, attempt, responder, places, self._settings, now
            )
        )

    async def keep(self, incident: Incident, conversation: Conversation) -> bool:
        """Keep what was said about it; False when it is another process's.

        Raises:
            ValueError: It is too long to be kept.
        """
        return await self._write(
            lambda _, now: self._conversations().put(incident, conversation, now)
        )

    async def obstacles(self) -> Obstacles:
        """What may keep something from being done now."""
        return await self._read(lambda store, now: store.obstacles(self._settings, now))

    # Looking

    async def get(self, incident: str) -> Incident | None:
        """One incident with its timeline."""
        return await self._read(lambda store, _: store.get(incident))

    async def conversation(self, incident: str) -> Conversation | None:
        """What a model said about an incident, if one was asked."""
        return await self._read(lambda _, __: self._conversations().get(incident))

    async def list(
        self,
        *,
        state: str = "",
        responder: str = "",
        since: datetime | None = None,
        limit: int = 50,
        before: int = 0,
    ) -> tuple[tuple[int, Incident], ...]:
        """The newest with their numbers, as `SqliteIncidents.list` gives them."""
        return await self._read(
            lambda store, _: store.list(
                state=state, responder=responder, since=since, limit=limit, before=before
            )
        )

    async def pauses(self) -> Mapping[str, Pause]:
        """Who was paused or resumed last."""
        return await self._read(lambda store, _: store.pauses())

    async def pause(self, responder: str, by: str, *, paused: bool) -> None:
        """Pause or resume a responder, or all (`*`)."""
        await self._write(lambda store, now: store.pause(Pause(responder, by, now, paused)))

    # The store

    async def _read(self, read: Callable[[SqliteIncidents, datetime], ResultT]) -> ResultT:
        try:
            return await to_thread.run_sync(self._do, read)
        except JournalUnusable as error:
            raise RunsUnreadable(f"incidents cannot be looked up: {error}") from error

    async def _write(self, write: Callable[[SqliteIncidents, datetime], ResultT]) -> ResultT:
        try:
            return await self._context.incidents.writer.do(self._do, write)
        except JournalUnusable as error:
            raise ToolUnavailable(f"{error}") from error

    def _conversations(self) -> SqliteConversations:
        return SqliteConversations(self._context.incidents.file())

    def _do(self, work: Callable[[SqliteIncidents, datetime], ResultT]) -> ResultT:
        if self._store is None:
            self._store = SqliteIncidents(self._context.incidents.file(), self._owner)
        return work(self._store, self._context.clock.now())
