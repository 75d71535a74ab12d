"""Delivering one message to one channel, within its time; whatever happens, it is told what."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import httpx2
from anyio import CapacityLimiter, to_thread

from opsmcp_server.channels.http_post import SEND_SECONDS, new_client, post
from opsmcp_server.channels.mail import send_mail
from opsmcp_server.channels.message import Message
from opsmcp_server.channels.robots import ROBOTS, Robot
from opsmcp_server.channels.webhook import read_webhook, write_webhook
from opsmcp_server.config.channel import Channel, ChannelType
from opsmcp_tools.incidents.outbox import Again, Delivered, Delivery
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import Clock

__all__ = ["Deliverer"]

_Sending = Callable[[Channel, Message, float], Delivery]
_WEBHOOK = Robot(write_webhook, read_webhook)


class Deliverer:
    """Delivers to the channels of one opsmcp."""

    def __init__(self, masker: Masker, clock: Clock) -> None:
        """Prepare; nothing is opened."""
        self._masker = masker
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._opening = anyio.Lock()
        self._threads: dict[str, CapacityLimiter] = {}

    async def deliver(self, channel: Channel, message: Message) -> Delivery:
        """Send it once; what became of it, in words that may be shown."""
        with anyio.move_on_after(SEND_SECONDS):
            found = await self._send(channel, message)
            if isinstance(found, Delivered):
                return found
            return replace(found, why=self._masker.text(found.why))
        return Again(f"no answer within {SEND_SECONDS:g} s", lost=True)

    async def close(self) -> None:
        """Close what was opened."""
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, channel: Channel, message: Message) -> Delivery:
        match channel.type:
            case ChannelType.SMTP:
                return await self._in_thread(send_mail, channel, message)
            case ChannelType.APPRISE:
                return await self._in_thread(_by_apprise, channel, message)
            case _:
                return await self._post(ROBOTS.get(channel.type, _WEBHOOK), channel, message)

    async def _post(self, robot: Robot, channel: Channel, message: Message) -> Delivery:
        outgoing = robot.write(channel, message, self._now())
        answer = await post(await self._open(), outgoing)
        return answer if isinstance(answer, Again) else robot.read(answer)

    async def _in_thread(self, send: _Sending, channel: Channel, message: Message) -> Delivery:
        """In threads of its own: one that hangs is left behind, and keeps nobody else waiting."""
        limiter = self._threads.setdefault(channel.name, CapacityLimiter(1))
        return await to_thread.run_sync(
            send, channel, message, self._now(), abandon_on_cancel=True, limiter=limiter
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def _open(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await to_thread.run_sync(new_client)
            return self._client


def _by_apprise(channel: Channel, message: Message, now: float) -> Delivery:
    """Importing it takes longer than an event loop should wait."""
    from opsmcp_server.channels.other_services import send_by_apprise

    return send_by_apprise(channel, message, now)
