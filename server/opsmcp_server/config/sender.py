"""Sender: a system that signals come from, as the settings have it. Data alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr

__all__ = ["Encoding", "Hmac", "Nats", "Over", "Sender", "SenderType"]


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
class Nats:
    """The NATS that the events of an Ops platform are read from.

    Attributes:
        servers: `HOST:PORT` of each; the first that can be reached is used. Empty where nobody
            asked for values.
        tls: Whether nothing is said to one that does not encrypt.
        user: Who logs in; with `password`, or empty.
        password: Its password.
        token: In place of both.
        credentials: What a credentials file holds (a JWT and the seed of a key); likewise.
        ca_file: The authorities that certificates are checked against; None for this machine's.
        cert_file: The own certificate, where the server wants one, with `key_file`.
        key_file: Its key.
        stream: The stream of JetStream that has the events.
        consumer: What the names of our durable consumers begin with.
    """

    servers: tuple[str, ...] = ()
    tls: bool = False
    user: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    credentials: SecretStr = SecretStr("")
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    stream: str = "ops"
    consumer: str = "opsmcp"

    def secrets(self) -> frozenset[str]:
        """What nobody may be shown, readable; of credentials each line, too."""
        kept = (one.get_secret_value() for one in (self.password, self.token, self.credentials))
        lines = self.credentials.get_secret_value().splitlines()
        return frozenset({*kept, *(line for line in lines if line and "-" * 3 not in line)} - {""})

    def __str__(self) -> str:
        """What people are told of it."""
        return f"NATS at {', '.join(self.servers)}" if self.servers else "NATS"


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
        nats: Likewise: the NATS that they are read from; None for the Ops server itself.
        silent_seconds: After how long without a delivery people are told; 0: never.
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
    nats: Nats | None = None
    silent_seconds: float = 0.0
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
            return f"{self.type}, read from NATS" if self.nats else f"{self.type}, read"
        proof = "with a secret" if self.has_secret else "without a secret"
        return f"{self.type}, {proof}"
