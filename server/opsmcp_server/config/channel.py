"""Channel: where messages go, as the settings have it. Data alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from opsmcp_tools.phrases.phrase import Language

__all__ = ["Channel", "ChannelType", "Mail", "Tls"]

Tls = Literal["starttls", "tls", "none"]

_LEAST_PART = 12
"""From this length on a part of an address is taken for a secret of its own."""


class ChannelType(StrEnum):
    """What a channel speaks."""

    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    SLACK = "slack"
    TEAMS = "teams"
    SMTP = "smtp"
    JSON = "json"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Mail:
    """Where mail goes, by which server, and for whom it is."""

    host: str
    port: int
    tls: Tls
    sender: str
    to: tuple[str, ...]
    user: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes:
        name: What it is called in the settings.
        type: What it speaks.
        url: Where messages are sent to; a secret, because whoever knows it can send there. Empty
            for mail, and where nobody asked for its value.
        secret: What messages are signed with, or the password of mail; empty if there is none.
        mail: What mail needs.
        language: What its messages are written in; None for `tools.language`.
    """

    name: str
    type: ChannelType
    url: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    mail: Mail | None = None
    language: Language | None = None

    def secrets(self) -> frozenset[str]:
        """What nobody may be shown, readable: the address, its parts that are keys, the secret."""
        url = self.url.get_secret_value()
        parts = urlsplit(url)
        keys = {*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))}
        keys = {key for key in (*keys, parts.password or "") if len(key) >= _LEAST_PART}
        return frozenset({url, self.secret.get_secret_value(), *keys} - {""})

    def __str__(self) -> str:
        """What people are told of it."""
        return str(self.type)
