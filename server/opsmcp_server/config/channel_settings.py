"""`events.channels` of the settings file: plain data to channels, or a refusal.

Messages go where this says and nowhere else. Nothing unknown is passed over; addresses of robots
are as good as passwords, so like these they never stand in the file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from opsmcp_server.config.channel import Channel, ChannelType, Mail, Tls
from opsmcp_server.config.extras import lack_of
from opsmcp_server.config.fields import Fields, entries_of
from opsmcp_server.config.issuers import is_loopback_host
from opsmcp_server.config.schema import RawSetting
from opsmcp_server.config.sender_settings import check_standard_webhooks
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_channels"]

_MOST_CHANNELS = 50
_MOST_RECIPIENTS = 50
_SECRET = re.compile(r"[!-~]{1,512}")
_URL = re.compile(r"[!-~]{1,2048}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_USER = re.compile(r"[!-~]{1,254}")
_PORTS: Mapping[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}

_KEYS: Mapping[ChannelType, frozenset[str]] = MappingProxyType(
    {
        ChannelType.FEISHU: frozenset({"url", "secret"}),
        ChannelType.DINGTALK: frozenset({"url", "secret"}),
        ChannelType.WECOM: frozenset({"url"}),
        ChannelType.SLACK: frozenset({"url"}),
        ChannelType.TEAMS: frozenset({"url"}),
        ChannelType.SMTP: frozenset({"host", "port", "tls", "from", "to", "user", "password"}),
        ChannelType.JSON: frozenset({"url", "secret"}),
        ChannelType.APPRISE: frozenset({"url"}),
    }
)
"""What a channel of each type takes besides `type` and `language`."""


def read_channels(item: RawSetting, environ: Mapping[str, str] | None) -> dict[str, Channel]:
    """Name to channel; without an environment their addresses and secrets are left empty.

    Raises:
        ConfigError: One of them cannot be used. Never tells what was read.
    """
    entries = entries_of(item, "channel", _MOST_CHANNELS)
    return {name: _Reader(name, one, environ).channel() for name, one in entries.items()}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one channel."""

    name: str
    fields: Fields
    environ: Mapping[str, str] | None

    def channel(self) -> Channel:
        fields = self.fields
        kind = fields.choice("type", ChannelType)
        language = self._language(fields.given.get("language"))
        fields.parts({"type", "language", *_KEYS[kind]}, f"a channel of the type {kind}")
        if kind is ChannelType.APPRISE and (lack := lack_of("apprise")):
            raise fields.refuse("type", f"is apprise, which {lack}")
        if kind is ChannelType.SMTP:
            return replace(self._mail(), language=language)
        if "url" not in fields.given:
            raise fields.refuse("url", "is missing: where messages are sent to")
        url = self._secret("url", _URL)
        self._check_url(kind, url.get_secret_value())
        secret = self._secret("secret", _SECRET)
        if kind is ChannelType.JSON:
            check_standard_webhooks(fields, secret)
        return Channel(self.name, kind, url, secret, language=language)

    def _language(self, value: object) -> Language | None:
        for one in get_args(Language):
            if value == one:
                return one
        if value is None:
            return None
        raise self.fields.refuse("language", f"must be en or zh, not {quote(value)}")

    def _secret(self, key: str, pattern: re.Pattern[str]) -> SecretStr:
        value = self.fields.given.get(key)
        if value is None:
            return SecretStr("")
        why = "whoever knows it can send messages, so it never stands in the file"
        text = self.fields.secret(key, value, self.environ, why)
        if self.environ is not None and not pattern.fullmatch(text):
            said = "must be one printable ASCII word; its value is not shown"
            raise self.fields.refuse(key, said)
        return SecretStr(text)

    def _check_url(self, kind: ChannelType, url: str) -> None:
        """Messages name hosts and faults: but to this machine they are encrypted."""
        if not url or kind is ChannelType.APPRISE:
            return
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host, parts = "", urlsplit("")
        safe = parts.scheme == "https" or (
            parts.scheme == "http" and (kind is ChannelType.JSON or is_loopback_host(host))
        )
        if not host or not safe or "@" in parts.netloc or parts.fragment:
            also = ", or http://" if kind is ChannelType.JSON else ""
            raise self.fields.refuse(
                "url", f"must be an address that begins with https://{also}; it is not shown"
            )

    def _mail(self) -> Channel:
        fields, given = self.fields, self.fields.given
        tls = self._tls(given.get("tls", "starttls"))
        user = given.get("user")
        if (user is None) != (given.get("password") is None):
            raise fields.refuse("user", "and password stand together or not at all")
        host = fields.matching("host", given.get("host"), _HOST, "the name of a mail server")
        if user is not None and tls == "none" and not is_loopback_host(host):
            raise fields.refuse("tls", "is none: then a password would be sent in the open")
        mail = Mail(
            host=host,
            port=self._port(given.get("port", _PORTS[tls])),
            tls=tls,
            sender=fields.matching("from", given.get("from"), _ADDRESS, "an address of mail"),
            to=self._recipients(given.get("to")),
            user=fields.matching("user", user, _USER, "a name") if user is not None else "",
        )
        return Channel(
            self.name, ChannelType.SMTP, secret=self._secret("password", _SECRET), mail=mail
        )

    def _tls(self, value: object) -> Tls:
        for one in _PORTS:
            if one == value:
                return one
        raise self.fields.refuse("tls", f"must be one of {', '.join(_PORTS)}, not {quote(value)}")

    def _port(self, value: object) -> int:
        if type(value) is not int or not 1 <= value <= 65535:
            raise self.fields.refuse("port", f"must be a port, not {quote(value)}")
        return value

    def _recipients(self, value: object) -> tuple[str, ...]:
        found = cast("list[object]", value) if isinstance(value, list) else [value]
        if not 0 < len(found) <= _MOST_RECIPIENTS:
            raise self.fields.refuse("to", f"must be 1 to {_MOST_RECIPIENTS} addresses of mail")
        what = "addresses of mail"
        return tuple(self.fields.matching("to", one, _ADDRESS, what) for one in found)
