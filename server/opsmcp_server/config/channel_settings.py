"""`events.channels` of the settings file: plain data to channels, or a refusal.

Messages go where this says and nowhere else. Nothing unknown is passed over; addresses of robots
are as good as passwords, so like these they never stand in the file.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.config.bound_values import read_part, secret_source
from opsmcp_server.config.channel import Channel, ChannelType, Mail, Tls
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.extras import lack_of
from opsmcp_server.config.issuers import is_loopback_host
from opsmcp_server.config.schema import RawSetting
from opsmcp_server.config.sender_settings import standard_webhooks_key
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_channels"]

_MOST_CHANNELS = 50
_MOST_RECIPIENTS = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
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
    value: object = item.value
    if not isinstance(value, dict):
        raise ConfigError(f"{item.key} must be a mapping of names to channels ({item.origin})")
    found = cast("dict[object, object]", value)
    if len(found) > _MOST_CHANNELS:
        raise ConfigError(f"{item.key}: there are more than {_MOST_CHANNELS} ({item.origin})")
    return {str(name): _Entry(item, str(name), one).channel(environ) for name, one in found.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One channel as it stands in the file."""

    item: RawSetting
    name: str
    value: object

    def channel(self, environ: Mapping[str, str] | None) -> Channel:
        if not _NAME.fullmatch(self.name):
            raise self._refuse(
                "", "is no name for a channel: at most 63 lower-case letters, digits, '.', '_', '-'"
            )
        given = {str(key): held for key, held in mapping_of(self.value).items()}
        kind = self._type(given.pop("type", None))
        language = self._language(given.pop("language", None))
        known = _KEYS[kind] | {"language"}
        for key in given:
            if key not in known:
                hint = suggest(key, known) or f"; it has {', '.join(sorted(known))}"
                raise self._refuse(key, f"is no part of a channel of the type {kind}{hint}")
        if kind is ChannelType.APPRISE and (lack := lack_of("apprise")):
            raise self._refuse("type", f"is apprise, which {lack}")
        if kind is ChannelType.SMTP:
            return replace(self._mail(given, environ), language=language)
        if "url" not in given:
            raise self._refuse("url", "is missing: where messages are sent to")
        url = self._secret("url", given["url"], environ, _URL)
        self._check_url(kind, url)
        secret = self._secret("secret", given.get("secret"), environ, _SECRET)
        if kind is ChannelType.JSON:
            self._check_standard(secret)
        return Channel(self.name, kind, SecretStr(url), SecretStr(secret), language=language)

    def _refuse(self, inner: str, what: str) -> ConfigError:
        place = f"{self.name}.{inner}" if inner else self.name
        return ConfigError(f"{self.item.key}.{place} {what} ({self.item.at(place)})")

    def _type(self, value: object) -> ChannelType:
        try:
            return ChannelType(str(value))
        except ValueError:
            given = "is missing: it" if value is None else f"is {quote(value)}, and"
            said = f"{given} must be one of {', '.join(ChannelType)}"
            raise self._refuse("type", said) from None

    def _language(self, value: object) -> Language | None:
        for one in get_args(Language):
            if value == one:
                return one
        if value is None:
            return None
        raise self._refuse("language", f"must be en or zh, not {quote(value)}")

    def _secret(
        self,
        inner: str,
        value: object,
        environ: Mapping[str, str] | None,
        pattern: re.Pattern[str],
    ) -> str:
        if value is None:
            return ""
        source = secret_source(value)
        if not source:
            raise self._refuse(
                inner,
                "must be {env: NAME}, {file: PATH} or {command: [PROGRAM, ...]}: whoever knows it "
                "can send messages, so it never stands in the file",
            )
        if environ is None:
            return ""
        text = read_part(self.item, f"{self.name}.{inner}", source, environ)
        if not pattern.fullmatch(text):
            raise self._refuse(inner, "must be one printable ASCII word; its value is not shown")
        return text

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
            raise self._refuse(
                "url", f"must be an address that begins with https://{also}; it is not shown"
            )

    def _check_standard(self, secret: str) -> None:
        if not secret:
            return
        try:
            standard_webhooks_key(secret)
        except ValueError:
            raise self._refuse(
                "secret",
                "must be base64 of at least 16 bytes, as Standard Webhooks has it (`whsec_...`)",
            ) from None

    # Mail

    def _mail(self, given: Mapping[str, object], environ: Mapping[str, str] | None) -> Channel:
        tls = self._tls(given.get("tls", "starttls"))
        user, password = given.get("user"), given.get("password")
        if (user is None) != (password is None):
            raise self._refuse("user", "and password stand together or not at all")
        host = self._word("host", given.get("host"), _HOST, "the name of a mail server")
        if user is not None and tls == "none" and not is_loopback_host(host):
            raise self._refuse("tls", "is none: then a password would be sent in the open")
        mail = Mail(
            host=host,
            port=self._port(given.get("port", _PORTS[tls])),
            tls=tls,
            sender=self._word("from", given.get("from"), _ADDRESS, "an address of mail"),
            to=self._recipients(given.get("to")),
            user=self._word("user", user, _USER, "a name") if user is not None else "",
        )
        secret = self._secret("password", password, environ, _SECRET)
        return Channel(self.name, ChannelType.SMTP, secret=SecretStr(secret), mail=mail)

    def _tls(self, value: object) -> Tls:
        for one in _PORTS:
            if one == value:
                return one
        raise self._refuse("tls", f"must be one of {', '.join(_PORTS)}, not {quote(value)}")

    def _word(self, inner: str, value: object, pattern: re.Pattern[str], what: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            given = "is missing: it" if value is None else f"is {quote(value)}, and"
            raise self._refuse(inner, f"{given} must be {what}")
        return value

    def _port(self, value: object) -> int:
        if type(value) is not int or not 1 <= value <= 65535:
            raise self._refuse("port", f"must be a port, not {quote(value)}")
        return value

    def _recipients(self, value: object) -> tuple[str, ...]:
        found: Collection[object] = (
            cast("list[object]", value) if isinstance(value, list) else [value]
        )
        if not 0 < len(found) <= _MOST_RECIPIENTS:
            raise self._refuse("to", f"must be 1 to {_MOST_RECIPIENTS} addresses of mail")
        return tuple(self._word("to", one, _ADDRESS, "addresses of mail") for one in found)
