"""The notifier: sends what the outbox has, to each channel by itself, until it is cancelled."""

import logging
import random
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import anyio
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import Notified
from opsmcp_server.channels.delivery import Deliverer
from opsmcp_server.channels.message import Message, Writer
from opsmcp_server.channels.notices import Notices
from opsmcp_server.config.channel import Channel
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.incidents.outbox import Again, Batch, Delivered, Delivery, Refused
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.model.errors import JournalUnusable, ToolError

__all__ = ["notifying"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_JITTER = 0.2
_RESULTS = {Delivered: "sent", Again: "again", Refused: "dead"}

ResultT = TypeVar("ResultT")


class Notifier:
    """Sends for the channels of one opsmcp."""

    def __init__(self, context: CallContext) -> None:
        """Prepare; nothing is opened."""
        self._context = context
        self._channels = context.config.events.channels
        self._owner = secrets.token_hex(8)
        self._outbox: SqliteOutbox | None = None
        self._notices = Notices(context)
        self._deliverer = Deliverer(context.masker, context.clock)
        self._writers = {name: self._writer(one) for name, one in self._channels.items()}

    def _writer(self, channel: Channel) -> Writer:
        language = channel.language or self._context.config.tools.language
        return Writer(self._context.masker, language, self._context.requests.pages)

    async def run(self) -> None:
        """Send whenever there is something; a channel that is down keeps no other waiting."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._bury)
                group.start_soon(self._notices.run)
                for channel in self._channels.values():
                    group.start_soon(self._serve, channel)
        finally:
            with anyio.CancelScope(shield=True):
                await self._deliverer.close()

    async def _bury(self) -> None:
        """What is for channels that are no longer there is told as dead, once."""
        names = self._channels.keys()
        try:
            count = await self._do(lambda outbox, now: outbox.bury(names, now))
        except JournalUnusable as error:
            logger.warning("the outbox cannot be looked at: %s", error)
            return
        if count:
            logger.warning("%d messages are for channels that the settings do not have", count)

    async def _serve(self, channel: Channel) -> None:
        while True:
            try:
                busy = await self._turn(channel)
            except JournalUnusable as error:
                logger.warning("channel %s is looked at again later: %s", channel.name, error)
                busy = False
            if not busy:
                await self._context.clock.sleep(_LOOK_SECONDS)

    async def _turn(self, channel: Channel) -> bool:
        """Send one message, if there is one; whether there was."""
        batch = await self._do(lambda outbox, now: outbox.take(channel.name, now))
        if batch is None:
            return False
        delivery = await self._deliver(channel, batch)
        pause = _pause(delivery, batch.failures)
        kept = await self._do(lambda outbox, now: outbox.done(batch, delivery, now, pause))
        self._context.observers(Notified(channel.name, _RESULTS[type(delivery)]))
        _tell(channel, batch, delivery, kept=kept)
        return True

    async def _deliver(self, channel: Channel, batch: Batch) -> Delivery:
        try:
            return await self._deliverer.deliver(channel, await self._written(batch))
        except Exception as error:
            # One message that cannot be written must not keep those back that follow.
            logger.exception("a message to %s could not be written", channel.name)
            return Refused(f"it could not be written ({type(error).__name__})")

    async def _written(self, batch: Batch) -> Message:
        found: dict[str, Request] = {}
        for handle in filter(None, (letter.request for letter in batch.letters)):
            try:
                found[handle] = await self._context.requests.get().find(handle)
            except ToolError as error:
                logger.warning("request %s is told without details: %s", handle, error)
        return self._writers[batch.channel].message(batch, found)

    async def _do(self, work: Callable[[SqliteOutbox, datetime], ResultT]) -> ResultT:
        return await to_thread.run_sync(self._work, work)

    def _work(self, work: Callable[[SqliteOutbox, datetime], ResultT]) -> ResultT:
        if self._outbox is None:
            self._outbox = SqliteOutbox(self._context.incidents.file(), self._owner)
        return work(self._outbox, self._context.clock.now())


def _pause(delivery: Delivery, failures: int) -> float:
    """How long a channel is left alone: twice as long each time, and as long as it says."""
    if not isinstance(delivery, Again):
        return 0.0
    own = min(_FIRST_PAUSE * 2 ** min(failures, 30), _LONGEST_PAUSE)
    jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    return max(own * jitter, delivery.seconds)


def _tell(channel: Channel, batch: Batch, delivery: Delivery, *, kept: bool) -> None:
    count = len(batch.posts)
    if not kept:
        logger.warning("channel %s was taken over, and may tell the same twice", channel.name)
    match delivery:
        case Delivered():
            logger.info("channel %s has %d news", channel.name, count)
        case Refused():
            logger.error(
                "channel %s refused %d news, which are not sent again: %s. "
                "`opsmcp notify outbox --state dead` lists them",
                channel.name,
                count,
                delivery.why,
            )
        case Again():
            logger.warning(
                "channel %s: %d news are sent again: %s", channel.name, count, delivery.why
            )


@asynccontextmanager
async def notifying(context: CallContext) -> AsyncGenerator[None]:
    """Send messages while the block goes on."""
    async with anyio.create_task_group() as group:
        group.start_soon(Notifier(context).run)
        yield
        group.cancel_scope.cancel()
