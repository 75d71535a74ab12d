"""Sender: a system that signals come from, as the settings have it. Data alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from pydantic import SecretStr

__all__ = ["Encoding", "Hmac", "Over", "Sender", "SenderType"]


class SenderType(StrEnum):
    """What a sender speaks."""

    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    JSON = "json"
    CLOUDEVENTS = "cloudevents"
    PAGERDUTY = "pagerduty"
    OPS = "ops"


class Encoding(StrEnum):
    """How a signature is written."""

    HEX = "hex"
    BASE64 = "base64"


class Over(StrEnum):
    """What a signature is made of."""

    BODY = "body"
    TIMESTAMP_DOT_BODY = "timestamp.body"
    TIMESTAMP_COLON_BODY = "timestamp:body"


@dataclass(frozen=True, slots=True)
class Hmac:
    """An HMAC-SHA256 in a header, as very many senders sign."""

    header: str
    prefix: str = ""
    encoding: Encoding = Encoding.HEX
    over: Over = Over.BODY
    timestamp_header: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender.

    Attributes:
        name: What it is called in the settings, in its address and in signals.
        type: What it speaks.
        token: What it sends as a bearer token; empty if it signs, or proves nothing.
        secret: What it signs with; likewise.
        has_secret: Whether it has one of both, also where nobody asked for its value.
        hmac: How it signs where its type alone does not say.
        map: What makes a signal of its JSON: part of a signal to expression, the parts of labels
            and annotations as `labels.NAME`.
        api: Where an Alertmanager is asked whether an alert is still there; empty for nowhere.
        origins: Origins that may ask by `OPTIONS` whether they may send.
        subjects: Of a sender that is read: the patterns of the subjects of its events.
        where: Where in the settings it stands: part (`map.key`) to what is said of it in errors;
            the empty part is the whole.
    """

    name: str
    type: SenderType
    token: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    has_secret: bool = False
    hmac: Hmac | None = None
    map: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    api: str = ""
    origins: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def signs_as_standard_webhooks(self) -> bool:
        """Whether a signature of it is one of Standard Webhooks."""
        return self.type is SenderType.JSON and self.hmac is None

    @property
    def is_read(self) -> bool:
        """Whether opsmcp reads from it, in place of being sent to."""
        return self.type is SenderType.OPS

    def __str__(self) -> str:
        """What people are told of it."""
        if self.is_read:
            return f"{self.type}, read"
        proof = "with a secret" if self.has_secret else "without a secret"
        return f"{self.type}, {proof}"
