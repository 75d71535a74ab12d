"""Signals to look at again: those that were recorded, and those of a body in a file."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import anyio
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.intake.reading import Delivery, Unreadable
from opsmcp_server.intake.receiver import reader_for
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.errors import JournalUnusable, RunsUnreadable
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_body", "recorded"]

_MOST_BYTES = 16 * 1024 * 1024
_MOST_SIGNALS = 10_000


async def read_body(context: CallContext, file: Path, sender: str | None) -> Sequence[Signal]:
    """The signals in a file that holds what a sender posts, as if it came now, and proved.

    Raises:
        ConfigError: It cannot be read, or there is no such sender.
    """
    senders = context.config.events.senders
    name = sender or (next(iter(senders)) if len(senders) == 1 else "")
    if name not in senders:
        hint = suggest(name, senders) or f"; there are: {', '.join(senders) or 'none'}"
        said = f"there is no sender {quote(name)}" if name else "--sender is missing"
        raise ConfigError(f"{said}{hint}")
    try:
        body = await anyio.Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    if len(body) > _MOST_BYTES:
        raise ConfigError(f"{file} is larger than 16 MiB")
    mask = context.masker.text
    delivery = Delivery(name, {}, body, context.clock.now(), trusted=True, mask=mask)
    try:
        return reader_for(senders[name])(delivery).signals
    except Unreadable as error:
        raise ConfigError(f"{file} is nothing that {name} posts: {error.why}") from error


async def recorded(context: CallContext, since: datetime) -> Sequence[Signal]:
    """The newest signals that were recorded since then, in their order.

    Raises:
        RunsUnreadable: They cannot be looked up.
    """

    def read() -> Sequence[Signal]:
        found = context.incidents.signals().signals(since=since, limit=_MOST_SIGNALS)
        return tuple(reversed(found))

    try:
        return await to_thread.run_sync(read)
    except JournalUnusable as error:
        raise RunsUnreadable(f"signals cannot be looked up: {error}") from error
