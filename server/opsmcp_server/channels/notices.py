"""Notices: what people are told of that is no incident, looked for again and again.

A request that a person's or a model's call became, a sender that is refused or silent, and an
inspection that did not begin. Each is told once, of a sender or a schedule at most once an hour,
however many servers look and however often they are started.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta

import anyio
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_tools.approval_requests.handle import is_of_incident
from opsmcp_tools.approval_requests.request import Request, State
from opsmcp_tools.incidents.outbox import Notice, Topic
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.model.errors import JournalUnusable, ToolError
from opsmcp_tools.phrases import message as words
from opsmcp_tools.phrases.phrase import Language, Said, say

__all__ = ["Notices"]

logger = logging.getLogger(__name__)

_REQUEST_SECONDS, _REST_SECONDS = 1.0, 10.0
_HOUR = timedelta(hours=1)

_Found = Iterator[tuple[Notice, int]]
"""Notices with what tells those apart that are about the same."""


class Notices:
    """Writes into the outbox what `events.notify` is told of."""

    def __init__(self, context: CallContext) -> None:
        """Prepare; nothing is opened."""
        self._context = context
        self._channels = context.config.events.notify
        self._language: Language = context.config.tools.language
        self._since = context.clock.now()
        self._waiting: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Look until cancelled."""
        if not self._channels:
            return
        async with anyio.create_task_group() as group:
            group.start_soon(self._again, self._look_at_requests, _REQUEST_SECONDS)
            group.start_soon(self._again, self._look_at_the_rest, _REST_SECONDS)

    async def _again(self, look: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await look()
            except (ToolError, JournalUnusable) as error:
                logger.warning("what is no incident is looked at again later: %s", error)
            await self._context.clock.sleep(seconds)

    async def _look_at_requests(self) -> None:
        pending = await self._context.requests.get().list(State.PENDING)
        asked = {one.id: one for one in pending if not is_of_incident(one.key)}
        if asked.keys() != self._waiting:
            await to_thread.run_sync(self._tell_of_requests, asked)

    def _tell_of_requests(self, asked: Mapping[str, Request]) -> None:
        outbox, now = self._outbox(), self._context.clock.now()
        for over in self._waiting - asked.keys():
            outbox.withdraw(over, now)
        for name in asked.keys() - self._waiting:
            notice = Notice(name, Topic.REQUEST, now, asked[name].reason)
            outbox.tell(notice, 0, self._channels)
        self._waiting = frozenset(asked)

    async def _look_at_the_rest(self) -> None:
        await to_thread.run_sync(self._tell_of_the_rest)

    def _tell_of_the_rest(self) -> None:
        now = self._context.clock.now()
        for look in (self._refused, self._silent, self._missed):
            for notice, number in look(now):
                self._outbox().tell(notice, number, self._channels)

    def _outbox(self) -> SqliteOutbox:
        return SqliteOutbox(self._context.incidents.file())

    def _refused(self, now: datetime) -> _Found:
        for one in self._context.incidents.signals().refusals():
            if one.sender in self._context.config.events.senders and now - one.last_at < _HOUR:
                said = words.REFUSED_WHY(one.reason, one.sender)
                yield self._hourly(f"sender {one.sender}", Topic.REFUSED, one.last_at, said)

    def _silent(self, now: datetime) -> _Found:
        senders = self._context.config.events.senders
        bound = {name: one.silent_seconds for name, one in senders.items() if one.silent_seconds}
        activity = self._context.incidents.signals().activity() if bound else ()
        heard = {one.sender: one.last_at for one in activity}
        for name, seconds in bound.items():
            last = max(heard.get(name, self._since), self._since)
            if (now - last).total_seconds() > seconds:
                said = words.SILENT_SINCE(last.astimezone().isoformat(" ", "seconds"))
                notice = Notice(f"silence of {name}", Topic.SILENT, now, self._say(said))
                yield notice, int(last.timestamp())

    def _missed(self, now: datetime) -> _Found:
        schedules = self._context.config.schedules
        if not schedules:
            return
        from opsmcp_tools.incidents.schedule import FireState
        from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules

        kept = SqliteSchedules(self._context.incidents.file())
        for schedule in schedules:
            for fire in kept.last(schedule.name):
                lost = fire.state in (FireState.MISSED, FireState.SKIPPED)
                if lost and now - fire.began_at < _HOUR:
                    due = schedule.moments.local(fire.due_at).isoformat(" ", "minutes")
                    said = words.MISSED_WHY(due, fire.why)
                    yield self._hourly(
                        f"schedule {schedule.name}", Topic.MISSED, fire.began_at, said
                    )

    def _hourly(self, about: str, topic: Topic, at: datetime, said: Said) -> tuple[Notice, int]:
        return Notice(about, topic, at, self._say(said)), int(at.timestamp() // 3600)

    def _say(self, said: Said) -> str:
        return say(said, self._language)
