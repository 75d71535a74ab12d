"""Signals to look at again: those that were recorded, and those of a body in a file."""

import sys
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.sender import Sender
from opsmcp_server.intake.reading import MOST_BYTES, Delivery, Unreadable
from opsmcp_server.intake.receiver import reader_for
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.errors import JournalUnusable, RunsUnreadable
from opsmcp_tools.safe_text.characters import quote

__all__ = ["body_in", "read_body", "recorded", "sender_named"]

_MOST_SIGNALS = 10_000


def sender_named(name: str, config: Config) -> Sender:
    """The sender of the settings that a command names.

    Raises:
        ConfigError: There is none of that name.
    """
    senders = config.events.senders
    if name not in senders:
        hint = suggest(name, senders) or _there_are(senders)
        raise ConfigError(f"there is no sender {quote(name)}{hint}")
    return senders[name]


def _there_are(senders: Collection[str]) -> str:
    if not senders:
        return "; the settings name none, in events.senders"
    return f"; there are: {', '.join(senders)}"


def body_in(file: Path, sender: Sender) -> bytes:
    """What a file holds that such a sender could post; `-` is the standard input.

    Raises:
        ConfigError: It cannot be read, or holds more than such a sender may post.
    """
    most, name = MOST_BYTES[sender.type], quote(str(file), 200)
    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as stream:
            body = stream.read(most + 1)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}") from error
    if len(body) > most:
        raise ConfigError(f"{name} is larger than {most:,} bytes")
    return body


async def read_body(context: CallContext, file: Path, sender: str | None) -> Sequence[Signal]:
    """The signals in a file that holds what a sender posts, as if it came now, and proved.

    Raises:
        ConfigError: It cannot be read, or there is no such sender.
    """
    senders = context.config.events.senders
    name = sender or (next(iter(senders)) if len(senders) == 1 else "")
    if not name:
        raise ConfigError(f"--sender is missing{_there_are(senders)}")
    found = sender_named(name, context.config)
    body = await to_thread.run_sync(body_in, file, found)
    mask = context.masker.text
    delivery = Delivery(name, {}, body, context.clock.now(), trusted=True, mask=mask)
    try:
        return reader_for(found)(delivery).signals
    except Unreadable as error:
        said = f"{quote(str(file), 200)} is nothing that {name} posts: {error.why}"
        raise ConfigError(said) from error


async def recorded(context: CallContext, since: datetime | None) -> Sequence[Signal]:
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
