"""`nats` of a sender of the type ops: plain data to what NATS is read, or a refusal.

Either where its address is, or a mapping with that and more. Passwords never stand in the file, and
no refusal repeats an address, because people put passwords into addresses.
"""

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from opsmcp_server.config.bound_values import secret_source
from opsmcp_server.config.fields import Fields
from opsmcp_server.config.files.paths import absolute
from opsmcp_server.config.sender import Nats
from opsmcp_tools.arguments.nearest_names import suggest

__all__ = ["Credentials", "read_credentials", "read_nats"]

_SECRETS = ("password", "token", "credentials")
_KEYS = ("url", "user", *_SECRETS, "ca_file", "cert_file", "key_file", "stream", "consumer")
_TLS = frozenset({"ca_file", "cert_file"})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_USER = re.compile(r"[!-~]{1,254}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_PORT = 4222
_MOST_SERVERS = 16
_ADDRESS = (
    "must be the address of a NATS such as nats://nats.ops-system:4222 or tls://nats.example.com, "
    "several of them separated by commas. EVENT_ENDPOINT of Ops is the same with http in place of "
    "nats. What is no letter or digit in a password is written as %XX. What was given is not shown"
)

_PART = "-+BEGIN {}-+\\s+(\\S+)\\s+-+END {}-+"
_JWT = re.compile(_PART.format("NATS USER JWT", "NATS USER JWT"))
_SEED = re.compile(_PART.format("USER NKEY SEED", "USER NKEY SEED"))
_SEED_BYTES = 36
_KIND_OF_USER = "SU"


def read_nats(fields: Fields, key: str, environ: Mapping[str, str] | None) -> Nats:
    """The NATS in a field of a sender; without an environment nothing secret of it is read.

    Raises:
        ConfigError: It cannot be used. Never tells what was read.
    """
    value, own = fields.given[key], fields.within(key)
    consumer = f"opsmcp-{fields.place}"
    if secret_source(value):
        return _Reader(replace(own, given={"url": value}), environ, "", consumer).nats()
    if not own.given or not set(own.given) <= {*_KEYS}:
        unknown = next((one for one in own.given if one not in _KEYS), "")
        hint = suggest(unknown, _KEYS) or f"; it has {', '.join(_KEYS)}"
        said = f"has no part {unknown!r}{hint}" if unknown else "must be {env: NAME} or a mapping"
        raise own.refuse("", said)
    return _Reader(own, environ, "url", consumer).nats()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one; `whole` is what its address is called in refusals."""

    fields: Fields
    environ: Mapping[str, str] | None
    whole: str
    consumer: str

    @property
    def given(self) -> Mapping[str, object]:
        return self.fields.given

    def nats(self) -> Nats:
        parts = self._addresses()
        secrets = {name: self._secret(name) for name in _SECRETS}
        return Nats(
            servers=tuple(map(_server, parts)),
            tls=any(one.scheme == "tls" for one in parts) or bool(_TLS & self.given.keys()),
            **self._proof(parts, secrets),
            **self._certificates(),
            stream=self._name("stream", "ops"),
            consumer=self._name("consumer", self.consumer),
        )

    # Where it is

    def _addresses(self) -> list[SplitResult]:
        text = self._address()
        if not text:
            return []
        found = [_split(part.strip()) for part in text.split(",")]
        parts = [part for part in found if part is not None]
        if len(parts) < len(found) or len(parts) > _MOST_SERVERS:
            raise self.fields.refuse(self.whole, _ADDRESS)
        if len({part.scheme for part in parts}) > 1:
            raise self.fields.refuse(
                self.whole, "mixes nats:// and tls://; say tls:// for all of them"
            )
        return parts

    def _address(self) -> str:
        """The address as it is read; empty where nobody asked for what is secret."""
        value = self.given.get("url")
        if value is None:
            raise self.fields.refuse("url", "is missing: the address of the NATS")
        if isinstance(value, str):
            if "@" in value:
                said = (
                    "names a user; then the whole address is given as {env: NAME} or {file: PATH}"
                )
                raise self.fields.refuse(self.whole, said)
            return value or " "
        return self._read(self.whole, value)

    # With what proof

    def _read(self, inner: str, value: object) -> str:
        text = self.fields.secret(inner, value, self.environ)
        return "" if self.environ is None else text or " "

    def _secret(self, name: str) -> str:
        return self._read(name, self.given[name]) if name in self.given else ""

    def _proof(self, parts: list[SplitResult], secrets: Mapping[str, str]) -> dict[str, Any]:
        """Who logs in: exactly one of user and password, token, credentials, or nobody."""
        user = self.given.get("user")
        if user is not None and not (isinstance(user, str) and _USER.fullmatch(user)):
            raise self.fields.refuse("user", "must be one printable ASCII word")
        if (user is None) != ("password" not in self.given):
            raise self.fields.refuse("user", "and password stand together or not at all")
        named = {(one.username, one.password) for one in parts} - {(None, None)}
        ways = [user, *(self.given.get(name) for name in ("token", "credentials"))]
        if len(named) + sum(way is not None for way in ways) > 1:
            raise self.fields.refuse(
                "", "has more than one proof: one user, or token, or credentials"
            )
        self._check_credentials(secrets["credentials"])
        found = {name: SecretStr(text) for name, text in secrets.items()}
        if not named:
            return {"user": user or "", **found}
        name, password = next(iter(named))
        if password is None:
            return {"token": SecretStr(unquote(name or ""))}
        return {"user": unquote(name or ""), "password": SecretStr(unquote(password))}

    def _check_credentials(self, text: str) -> None:
        if not text:
            return
        try:
            read_credentials(text)
        except ValueError as error:
            said = f"is no credentials file of NATS ({error}); `nsc generate creds` writes one"
            raise self.fields.refuse("credentials", said) from None

    def _certificates(self) -> dict[str, Any]:
        keys = ("ca_file", "cert_file", "key_file")
        found = {key: self._path(key) for key in keys if key in self.given}
        if ("cert_file" in found) != ("key_file" in found):
            raise self.fields.refuse("cert_file", "and key_file stand together or not at all")
        self._try(found)
        return found

    def _path(self, key: str) -> Path:
        value = self.given[key]
        if not isinstance(value, str) or not value:
            raise self.fields.refuse(key, "must be the path of a file (PEM)")
        return absolute(value, self.fields.item, self.environ or {})

    def _try(self, found: Mapping[str, Path]) -> None:
        """Refuse now what would fail at the first connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if "ca_file" in found:
                context.load_verify_locations(found["ca_file"])
        except (OSError, ssl.SSLError):
            raise self.fields.refuse("ca_file", "is no file of certificates (PEM)") from None
        try:
            if "cert_file" in found:
                context.load_cert_chain(
                    found["cert_file"], found["key_file"], password=_no_password
                )
        except (OSError, ValueError):
            said = "and key_file are no certificate with its key (PEM, not encrypted)"
            raise self.fields.refuse("cert_file", said) from None

    def _name(self, key: str, otherwise: str) -> str:
        value = self.given.get(key, otherwise.replace(".", "_"))
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise self.fields.refuse(
                key, "must be a name of at most 100 letters, digits, '-' and '_'"
            )
        return value


def _no_password() -> str:
    """Nobody is asked at a terminal.

    Raises:
        ValueError: Always.
    """
    raise ValueError("the key is encrypted")


def _split(text: str) -> SplitResult | None:
    """The parts of an address of NATS, if it is one."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    good = parts.scheme in ("nats", "tls") and parts.path in ("", "/") and port != 0
    clean = not parts.query and not parts.fragment and text.isascii() and text.isprintable()
    return parts if good and clean and _HOST.fullmatch(host) else None


def _server(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _PORT}"


# Credentials files


@dataclass(frozen=True, slots=True)
class Credentials:
    """What such a file holds; neither may be shown."""

    jwt: str = field(repr=False)
    seed: bytes = field(repr=False)


def read_credentials(text: str) -> Credentials:
    """What a credentials file says: the JWT of a user, and the seed of the key that it signs with.

    The seed is base32 of two bytes that say what it is, an Ed25519 seed and a CRC-16
    (docs.nats.io, NKeys).

    Raises:
        ValueError: It is none, or damaged. Says nothing of what was read.
    """
    jwt, seed = _JWT.search(text), _SEED.search(text)
    if jwt is None or seed is None or not seed[1].startswith(_KIND_OF_USER):
        raise ValueError("no JWT and seed of a user")
    return Credentials(jwt[1], _seed(seed[1]))


def _seed(text: str) -> bytes:
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise ValueError("no base32") from None
    held, crc = raw[:-2], int.from_bytes(raw[-2:], "little")
    if len(raw) != _SEED_BYTES or binascii.crc_hqx(held, 0) != crc:
        raise ValueError("no seed")
    return held[2:]
