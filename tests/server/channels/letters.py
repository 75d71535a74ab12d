"""Batches and messages for tests, of incidents whose signals say what a test wants."""

from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from opsmcp_server.channels.message import Message, Writer
from opsmcp_server.config.channel import Channel, ChannelType
from opsmcp_tools.incidents.incident import Entry, Incident, State
from opsmcp_tools.incidents.outbox import Batch, Letter, Topic
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.phrases.phrase import Language
from tests.tools.incidents.incidents import incident
from tests.tools.incidents.signals import NOW, make

PAGES = "https://ops.example.com"
SECRET = "a-secret-of-the-tests"


def letter(topic: Topic = Topic.HANDED_OVER, **more: Any) -> Letter:
    one = of_signal(**more)
    entry = Entry(NOW, State.DECIDING, State.HANDED_OVER, "opsmcp", "it only tells of it")
    return Letter(one, ((topic, entry),))


def of_signal(**more: Any) -> Incident:
    found = incident(State.HANDED_OVER, signal=make(**more))
    return replace(found, id="i-abcdefghij", key=more.get("key", found.key))


def batch(*letters: Letter, more: int = 0) -> Batch:
    return Batch("room", 1, "0" * 32, (1,), letters or (letter(),), more)


def message(
    *letters: Letter, more: int = 0, language: Language = "en", pages: str = PAGES
) -> Message:
    return Writer(Masker({SECRET}), language, pages).message(batch(*letters, more=more), {})


def channel(kind: str, url: str, secret: str = "") -> Channel:
    return Channel("room", ChannelType(kind), SecretStr(url), SecretStr(secret))
