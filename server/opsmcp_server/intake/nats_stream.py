"""The NATS of an Ops platform: one connection, and a durable consumer for each pattern of subjects.

A consumer hands out one message, and the next only once that was acknowledged; one that was not is
handed out again. So the order is kept whoever reads, and whatever dies meanwhile: that something is
wrong never arrives after that it is over.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js import errors as js_errors
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, Header

from opsmcp_pipelines.errors import SourceError, SourceRefused, SourceUnavailable
from opsmcp_server.config.sender import Nats
from opsmcp_server.intake.nats_failures import FAILURES, NO_CONSUMER, denied, failure_of
from opsmcp_server.intake.nats_login import close, connect
from opsmcp_server.intake.reading import fingerprint

__all__ = ["Consumer", "Message", "NatsStream"]

_ANSWER_SECONDS = 5.0
_ACK_SECONDS = 5.0
"""What was not acknowledged by then is handed out again."""

_MOST_DELIVERIES = 20
"""A message that ends whoever reads it, so often, is passed over."""

_UNUSED_SECONDS = 30 * 86_400.0
"""NATS forgets a consumer that nobody reads; the position is in our own record as well."""

_MOST_HEARD = 1_000
_ACKNOWLEDGED_BY = "$JS.ACK."
_HEARTBEAT = "100"
_NOTHING = ("404", "408")
"""There is no message; or none came in time."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came: `at` is when the stream got it."""

    subject: str
    body: bytes
    at: datetime


class NatsStream:
    """The NATS of one sender. Connects when it is first needed, and anew when that was lost."""

    def __init__(self, nats: Nats) -> None:
        """Prepare; nothing is opened."""
        self._nats = nats
        self._client: Client | None = None
        self._opening = anyio.Lock()
        self._forbidden = ""
        self._heard: dict[str, Subscription] = {}

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None and self._client.is_connected

    async def consumer(self, pattern: str, since: datetime | None) -> "Consumer":
        """The durable consumer of a pattern, made if there is none: for what came since then.

        Raises:
            SourceError: There is none and none can be made; says what to do.
        """
        client: Any = await self._connected()  # nats-py says only some of its types
        name = f"{self._nats.consumer}-{fingerprint(pattern)[:8]}"
        with self._explained(f"have the consumer {name}"):
            context: JetStreamContext = client.jetstream(timeout=_ANSWER_SECONDS)
            self._check(await self._found(context, name, pattern, since), name, pattern)
            inbox = client.new_inbox()
            answers: Subscription = await client.subscribe(inbox)
        asked = f"$JS.API.CONSUMER.MSG.NEXT.{self._nats.stream}.{name}"

        async def ask(wait_seconds: float) -> None:
            wanted = {"batch": 1, "expires": int(wait_seconds * 1e9)}
            await client.publish(asked, json.dumps(wanted).encode(), inbox)

        async def look() -> ConsumerInfo:
            return await context.consumer_info(self._nats.stream, name)

        return Consumer(ask, look, answers, self._explained)

    async def heard(self, pattern: str, wait_seconds: float) -> list[Message]:
        """What came on the subjects of a pattern since the last time; waits for the first.

        While there is no connection, and before the first time, nothing is heard.

        Raises:
            SourceError: Nothing can be heard now.
        """
        client: Any = await self._connected()
        with self._explained(f"listen to {pattern}"):
            if pattern not in self._heard:
                heard = await client.subscribe(pattern, pending_msgs_limit=_MOST_HEARD)
                await client.flush()
                self._heard[pattern] = heard
            if "subscription" in self._forbidden:
                raise errors.Error
            return [message async for message in _pending(self._heard[pattern], wait_seconds)]

    async def close(self) -> None:
        """Close the connection, if there is one."""
        client, self._client = self._client, None
        self._heard.clear()
        if client is not None:
            await close(client)

    # Connecting

    async def _connected(self) -> Client:
        async with self._opening:
            if self._client is None or not self._client.is_connected:
                await self.close()
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Client:
        """A connection to the first server that can be reached.

        Raises:
            SourceError: None can; says of the last one why.
        """
        refused: SourceError = SourceRefused("no server of NATS is named")
        for server in self._nats.servers:
            try:
                return await self._connect_to(server)
            except SourceError as error:
                refused = error
        raise refused

    async def _connect_to(self, server: str) -> Client:
        self._forbidden = ""
        with self._explained("be used", server):
            return await connect(self._nats, server, self._note)

    async def _note(self, error: Exception) -> None:
        self._forbidden = denied(error) or self._forbidden

    # Consumers

    async def _found(
        self, context: Any, name: str, pattern: str, since: datetime | None
    ) -> ConsumerInfo:
        stream = self._nats.stream
        try:
            return await context.consumer_info(stream, name)
        except js_errors.NotFoundError as error:
            if error.err_code != NO_CONSUMER:
                raise
        try:
            return await context.add_consumer(stream, _wanted(name, pattern, since))
        except js_errors.BadRequestError:
            # Another process made it meanwhile, from another moment on.
            return await context.consumer_info(stream, name)

    def _check(self, info: ConsumerInfo, name: str, pattern: str) -> None:
        config = info.config
        ours = config.ack_policy == AckPolicy.EXPLICIT and not config.deliver_subject
        if not ours or config.filter_subject != pattern:
            raise SourceRefused(
                f"the consumer {name} of its stream {self._nats.stream} is not one that opsmcp "
                f"makes for {pattern}: delete it, or set another `consumer`"
            )

    @contextmanager
    def _explained(self, what: str, server: str = "") -> Generator[None]:
        """Raise what goes wrong as a SourceError that says what to do."""
        try:
            yield
        except FAILURES as error:
            label = f"NATS at {server}" if server else str(self._nats)
            tried = f"{label} cannot {what}"
            raise failure_of(error, tried, self._forbidden, self._nats) from error


class Consumer:
    """A durable consumer: what came on the subjects of a pattern, in order, one after the other.

    Its messages are told from what NATS itself says by how they are acknowledged, which only NATS
    can write. nats-py goes by a header, which whoever publishes can set, and would never hand out
    such a message, nor any that follows.
    """

    def __init__(
        self,
        ask: Callable[[float], Awaitable[None]],
        look: Callable[[], Awaitable[ConsumerInfo]],
        answers: Subscription,
        explained: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """Read from it.

        Args:
            ask: Asks for one message, for so many seconds.
            look: How it stands.
            answers: Where what was asked for arrives.
            explained: Makes SourceErrors of what goes wrong.
        """
        self._ask = ask
        self._look_at = look
        self._answers = answers
        self._explained = explained
        self._open: Msg | None = None
        self._was_stuck = False

    async def next(self, wait_seconds: float) -> Message | None:
        """The next message; the last one again, as long as that is not acknowledged.

        None if none came in time, and certainly none.

        Raises:
            SourceError: Nothing can be read now.
        """
        with self._explained("be read"):
            if self._open is None:
                self._open = await self._fetched(wait_seconds)
            return None if self._open is None else _message(self._open)

    async def acknowledge(self) -> None:
        """The last message is dealt with.

        Raises:
            SourceError: That cannot be said now; the message comes again.
        """
        if self._open is not None:
            with self._explained("be read"):
                await self._open.ack()
            self._open = None

    async def close(self) -> None:
        """Ask no more; what was handed out and not acknowledged comes again."""
        with suppress(*FAILURES):
            await self._answers.unsubscribe()

    async def _fetched(self, wait_seconds: float) -> Msg | None:
        await self._ask(wait_seconds)
        while True:
            answer = await self._answers.next_msg(wait_seconds + _ANSWER_SECONDS)
            if answer.reply.startswith(_ACKNOWLEDGED_BY):
                return answer
            status = (answer.headers or {}).get(Header.STATUS, "")
            if status in _NOTHING:
                await self._look()
                return None
            if status != _HEARTBEAT:
                said = (answer.headers or {}).get(Header.DESCRIPTION, "")
                raise js_errors.APIError(description=f"{status} {said}")

    async def _look(self) -> None:
        """Consumers were seen that hand out nothing until somebody connects anew.

        See nats-io/nats-server, issues 4736 and 5839.
        """
        info = await self._look_at()
        is_stuck = bool(info.num_pending) and not info.num_ack_pending
        if is_stuck and self._was_stuck:
            raise SourceUnavailable(f"the consumer {info.name} of NATS hands out nothing")
        self._was_stuck = is_stuck


def _wanted(name: str, pattern: str, since: datetime | None) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        description="events of Ops for opsmcp",
        filter_subject=pattern,
        deliver_policy=DeliverPolicy.BY_START_TIME if since else DeliverPolicy.NEW,
        opt_start_time=since,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=_ACK_SECONDS,
        max_ack_pending=1,
        max_deliver=_MOST_DELIVERIES,
        inactive_threshold=_UNUSED_SECONDS,
    )


def _message(message: Msg) -> Message:
    return Message(message.subject, message.data, message.metadata.timestamp)


async def _pending(heard: Subscription, wait_seconds: float) -> AsyncGenerator[Message]:
    """What waits; else the first that comes in time."""
    try:
        first = await heard.next_msg(wait_seconds)
    except TimeoutError:
        return
    now = datetime.now(UTC)
    yield Message(first.subject, first.data, now)
    for _ in range(heard.pending_msgs):
        message = await heard.next_msg(wait_seconds)
        yield Message(message.subject, message.data, now)
