"""`events.senders` of the settings file: plain data to senders, or a refusal.

A sender that is misread could let in what it was to keep out. So nothing unknown is passed over:
each refusal names the key, its place in the file, and what to write instead. A secret never stands
in the file.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from pydantic import SecretStr

from opsmcp_pipelines.platform_events import is_pattern
from opsmcp_server.config.fields import Fields, entries_of
from opsmcp_server.config.nats_settings import read_nats
from opsmcp_server.config.schema import RawSetting
from opsmcp_server.config.sender import Encoding, Hmac, Over, Sender, SenderType

__all__ = ["check_standard_webhooks", "read_senders", "standard_webhooks_key"]

_LEAST_SECRET_LENGTH = 16
"""Characters of a token or secret; of a Standard Webhooks secret the bytes of its key."""

_MOST_SENDERS = 100
_SECRET = re.compile(f"[!-~]{{{_LEAST_SECRET_LENGTH},512}}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,253}(/[A-Za-z0-9._~/-]{0,200})?")
_ORIGIN = re.compile(r"[A-Za-z0-9.*:-]{1,253}")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

_KEYS: Mapping[SenderType, frozenset[str]] = MappingProxyType(
    {
        SenderType.ALERTMANAGER: frozenset({"token", "api"}),
        SenderType.GRAFANA: frozenset({"token", "secret", "timestamp_header"}),
        SenderType.JSON: frozenset({"token", "secret", "hmac", "map"}),
        SenderType.CLOUDEVENTS: frozenset({"token", "secret", "hmac", "origins"}),
        SenderType.PAGERDUTY: frozenset({"secret"}),
        SenderType.OPS: frozenset({"subjects", "nats"}),
    }
)
"""What a sender of each type takes besides `type`."""

_MAP_KEYS = frozenset(
    {"items", "id", "key", "status", "severity", "kind", "at", "labels", "annotations", "data"}
)
_HMAC_KEYS = frozenset({"header", "prefix", "encoding", "over", "timestamp_header"})
_SUBJECTS = (
    "ops.clusters.*.namespaces.*.hosts.>",
    "ops.clusters.*.nodes.>",
    "ops.clusters.*.namespaces.*.clusters.>",
)
"""Inspections of hosts and nodes, heartbeats of hosts and clusters, and what Kubernetes says of
nodes. Each pattern is a request that waits at the Ops server."""

_MOST_SUBJECTS = 4

_GRAFANA_HEADER = "X-Grafana-Alerting-Signature"


def read_senders(item: RawSetting, environ: Mapping[str, str] | None) -> dict[str, Sender]:
    """Name to sender; without an environment their secrets are left empty.

    Raises:
        ConfigError: One of them cannot be used. Never tells what was read.
    """
    entries = entries_of(item, "sender", _MOST_SENDERS, "a mapping with `type`")
    return {name: _Reader(name, one, environ).sender() for name, one in entries.items()}


def standard_webhooks_key(secret: str) -> bytes:
    """The key in a secret of Standard Webhooks: base64, perhaps without `whsec_` or padding.

    Raises:
        ValueError: It is none.
    """
    try:
        written = secret.removeprefix("whsec_").rstrip("=")
        key = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None
    if len(key) < _LEAST_SECRET_LENGTH:
        raise ValueError("too short")
    return key


def check_standard_webhooks(fields: Fields, secret: SecretStr, more: str = "") -> None:
    """Return if `secret` is one of Standard Webhooks, or was not read.

    Raises:
        ConfigError: It is none; `more` says what else could be meant.
    """
    text = secret.get_secret_value()
    if not text:
        return
    try:
        standard_webhooks_key(text)
    except ValueError:
        raise fields.refuse(
            "secret",
            f"must be base64 of at least {_LEAST_SECRET_LENGTH} bytes, as Standard Webhooks has it "
            f"(`whsec_...`){more}",
        ) from None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one sender."""

    name: str
    fields: Fields
    environ: Mapping[str, str] | None

    def sender(self) -> Sender:
        fields, given = self.fields, self.fields.given
        kind = fields.choice("type", SenderType)
        fields.parts({"type", "silent", *_KEYS[kind]}, f"a sender of the type {kind}")
        if "token" in given and "secret" in given:
            raise fields.refuse("secret", "stands beside token: give one of both")
        token, secret = self._secret("token"), self._secret("secret")
        hmac = self._hmac_of(kind)
        if kind is SenderType.CLOUDEVENTS and "secret" in given and hmac is None:
            raise fields.refuse("hmac", "is missing: it says in which header the signature stands")
        sender = Sender(
            name=self.name,
            type=kind,
            token=token,
            secret=secret,
            has_secret=bool({"token", "secret"} & given.keys()),
            hmac=hmac,
            map=MappingProxyType(self._map() if kind is SenderType.JSON else {}),
            api=self._api(given.get("api")),
            origins=self._origins(given.get("origins", [])),
            subjects=self._subjects(given.get("subjects")) if kind is SenderType.OPS else (),
            nats=read_nats(fields, "nats", self.environ) if "nats" in given else None,
            silent_seconds=fields.seconds("silent", 0.0, least=60, most=7),
            where=self._where(),
        )
        if sender.signs_as_standard_webhooks:
            check_standard_webhooks(
                fields, secret, "; for a sender that signs in another way, say how with `hmac`"
            )
        return sender

    def _secret(self, key: str) -> SecretStr:
        value = self.fields.given.get(key)
        text = "" if value is None else self.fields.secret(key, value, self.environ)
        if value is not None and self.environ is not None and not _SECRET.fullmatch(text):
            raise self.fields.refuse(
                key,
                f"must be one word of at least {_LEAST_SECRET_LENGTH} printable ASCII characters; "
                "its value is not shown",
            )
        return SecretStr(text)

    def _hmac_of(self, kind: SenderType) -> Hmac | None:
        fields = self.fields
        if kind is SenderType.GRAFANA:
            header = _header(fields, "timestamp_header")
            over = Over.TIMESTAMP_COLON_BODY if header else Over.BODY
            return Hmac(_GRAFANA_HEADER, over=over, timestamp_header=header)
        if "hmac" not in fields.given:
            return None
        if "secret" not in fields.given:
            raise fields.refuse("hmac", "needs `secret` beside it: what the sender signs with")
        return _hmac(fields.inner("hmac", "a mapping with `header`").parts(_HMAC_KEYS, "hmac"))

    def _map(self) -> dict[str, str]:
        example = "a mapping with at least `key`, such as {key: body.service}"
        fields = self.fields.inner("map", example).parts(_MAP_KEYS, "map")
        if not fields.given.get("key"):
            raise fields.refuse("", f"must be {example}: signals of one key belong together")
        return dict(_expressions(fields))

    def _api(self, value: object) -> str:
        if value is None:
            return ""
        said = value if isinstance(value, str) and _ADDRESS.fullmatch(value) else ""
        if not said:
            raise self.fields.refuse(
                "api",
                "must be the http:// or https:// address of its web interface, such as "
                "http://alertmanager:9093, without a user and without a query",
            )
        return said.rstrip("/")

    def _origins(self, value: object) -> tuple[str, ...]:
        found = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(one, str) and _ORIGIN.fullmatch(one) for one in found):
            said = "must be a list of host names such as events.example.com"
            raise self.fields.refuse("origins", said)
        return tuple(str(one) for one in found)

    def _subjects(self, value: object) -> tuple[str, ...]:
        if value is None:
            return _SUBJECTS
        found = cast("list[object]", value) if isinstance(value, list) else []
        texts = [one for one in found if isinstance(one, str) and is_pattern(one)]
        if len(texts) < len(found) or not 0 < len(texts) <= _MOST_SUBJECTS:
            raise self.fields.refuse(
                "subjects",
                f"must be a list of 1 to {_MOST_SUBJECTS} patterns of subjects such as "
                "ops.clusters.*.nodes.> ('*' for one part, '>' for all that follow)",
            )
        return tuple(dict.fromkeys(texts))

    def _where(self) -> Mapping[str, str]:
        """What is said of each part in an error."""
        prefix, item = f"{self.name}.", self.fields.item
        inner = {
            place.removeprefix(prefix): item.at(place)
            for place in item.lines
            if place.startswith(prefix)
        }
        return MappingProxyType({"": self.fields.origin, **inner})


def _hmac(fields: Fields) -> Hmac:
    over = fields.choice("over", Over, Over.BODY)
    stamp = _header(fields, "timestamp_header")
    if bool(stamp) != (over is not Over.BODY):
        raise fields.refuse(
            "", "must have `timestamp_header` where `over` names the timestamp, and only there"
        )
    if not fields.given.get("header"):
        raise fields.refuse("", "must have `header`: where the signature stands")
    prefix = fields.given.get("prefix", "")
    if not isinstance(prefix, str) or len(prefix) > 64:
        raise fields.refuse("prefix", "must be a short text such as 'sha256='")
    encoding = fields.choice("encoding", Encoding, Encoding.HEX)
    return Hmac(_header(fields, "header"), prefix, encoding, over, stamp)


def _header(fields: Fields, key: str) -> str:
    value = fields.given.get(key)
    if value and not (isinstance(value, str) and _HEADER.fullmatch(value)):
        raise fields.refuse(key, "must be the name of a header, such as X-Signature")
    return str(value or "")


def _expressions(fields: Fields) -> Iterator[tuple[str, str]]:
    for name, value in fields.given.items():
        if name in ("labels", "annotations") and isinstance(value, dict):
            for label, source in fields.inner(name).given.items():
                part = f"{name}.{label}"
                if not _LABEL.fullmatch(label):
                    raise fields.refuse(part, "is no name: letters, digits and '_'")
                yield part, _expression(fields, part, source)
        else:
            yield name, _expression(fields, name, value)


def _expression(fields: Fields, part: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fields.refuse(
            part,
            "must be an expression as a text, such as body.id; a fixed text is quoted twice: "
            "'\"info\"'",
        )
    return value
