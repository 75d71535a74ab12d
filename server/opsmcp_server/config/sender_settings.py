"""`events.senders` of the settings file: plain data to senders, or a refusal.

A sender that is misread could let in what it was to keep out. So nothing unknown is passed over:
each refusal names the key, its place in the file, and what to write instead. A secret never stands
in the file.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar, cast

from pydantic import SecretStr

from opsmcp_pipelines.platform_events import is_pattern
from opsmcp_server.config.bound_values import read_part, secret_source
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.nats_settings import read_nats
from opsmcp_server.config.schema import RawSetting
from opsmcp_server.config.sender import Encoding, Hmac, Nats, Over, Sender, SenderType
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.safe_text.characters import quote

__all__ = ["LEAST_SECRET_LENGTH", "read_senders", "standard_webhooks_key"]

LEAST_SECRET_LENGTH = 16
"""Characters of a token or secret; of a Standard Webhooks secret the bytes of its key."""

_MOST_SENDERS = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SECRET = re.compile(f"[!-~]{{{LEAST_SECRET_LENGTH},512}}")
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

_Choice = TypeVar("_Choice", bound=StrEnum)


def read_senders(item: RawSetting, environ: Mapping[str, str] | None) -> dict[str, Sender]:
    """Name to sender; without an environment their secrets are left empty.

    Raises:
        ConfigError: One of them cannot be used. Never tells what was read.
    """
    senders = {
        name: _Entry(item, name, entry).sender(environ)
        for name, entry in _mapping(item, "", item.value, "a mapping of names to senders").items()
    }
    if len(senders) > _MOST_SENDERS:
        raise ConfigError(f"{item.key}: there are more than {_MOST_SENDERS} ({item.origin})")
    return senders


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
    if len(key) < LEAST_SECRET_LENGTH:
        raise ValueError("too short")
    return key


def _mapping(item: RawSetting, inner: str, value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _refusal(item, inner, f"must be {what}")
    return {str(name): held for name, held in cast("dict[object, object]", value).items()}


def _refusal(item: RawSetting, inner: str, what: str) -> ConfigError:
    key = f"{item.key}.{inner}" if inner else item.key
    return ConfigError(f"{key} {what} ({item.at(inner)})")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sender as it stands in the file."""

    item: RawSetting
    name: str
    value: object

    def sender(self, environ: Mapping[str, str] | None) -> Sender:
        if not _NAME.fullmatch(self.name):
            raise self._refuse(
                "", "is no name for a sender: at most 63 lower-case letters, digits, '.', '_', '-'"
            )
        given = _mapping(self.item, self.name, self.value, "a mapping with `type`")
        kind = self._choice("type", given.pop("type", None), SenderType)
        self._refuse_unknown("", given, _KEYS[kind], f"a sender of the type {kind}")
        if "token" in given and "secret" in given:
            raise self._refuse("secret", "stands beside token: give one of both")
        token, secret = (self._secret(key, given.get(key), environ) for key in ("token", "secret"))
        hmac = self._hmac_of(kind, given)
        if kind is SenderType.CLOUDEVENTS and "secret" in given and hmac is None:
            raise self._refuse("hmac", "is missing: it says in which header the signature stands")
        sender = Sender(
            name=self.name,
            type=kind,
            token=token,
            secret=secret,
            has_secret=bool({"token", "secret"} & given.keys()),
            hmac=hmac,
            map=MappingProxyType(self._map(given.get("map")) if kind is SenderType.JSON else {}),
            api=self._api(given.get("api")),
            origins=self._origins(given.get("origins", [])),
            subjects=self._subjects(given.get("subjects")) if kind is SenderType.OPS else (),
            nats=self._nats(given, environ),
            where=self._where(),
        )
        if sender.signs_as_standard_webhooks:
            self._check_standard(secret)
        return sender

    def _refuse(self, inner: str, what: str) -> ConfigError:
        return _refusal(self.item, f"{self.name}.{inner}" if inner else self.name, what)

    def _refuse_unknown(
        self, inner: str, given: Iterable[str], known: Iterable[str], what: str
    ) -> None:
        for key in given:
            if key not in known:
                place = f"{inner}.{key}" if inner else key
                hint = suggest(key, known) or f"; it has {', '.join(sorted(known))}"
                raise self._refuse(place, f"is no part of {what}{hint}")

    def _choice(self, inner: str, value: object, kinds: type[_Choice]) -> _Choice:
        try:
            return kinds(str(value))
        except ValueError:
            allowed = ", ".join(kinds)
            given = "is missing: it" if value is None else f"is {quote(value)}, and"
            raise self._refuse(inner, f"{given} must be one of {allowed}") from None

    def _secret(self, inner: str, value: object, environ: Mapping[str, str] | None) -> SecretStr:
        if value is None:
            return SecretStr("")
        source = secret_source(value)
        if not source:
            raise self._refuse(
                inner,
                "must be {env: NAME}, {file: PATH} or {command: [PROGRAM, ...]}; a secret never "
                "stands in the file",
            )
        if environ is None:
            return SecretStr("")
        text = read_part(self.item, f"{self.name}.{inner}", source, environ)
        if not _SECRET.fullmatch(text):
            raise self._refuse(
                inner,
                f"must be one word of at least {LEAST_SECRET_LENGTH} printable ASCII characters; "
                "its value is not shown",
            )
        return SecretStr(text)

    def _hmac_of(self, kind: SenderType, given: Mapping[str, object]) -> Hmac | None:
        if kind is SenderType.GRAFANA:
            header = self._header("timestamp_header", given.get("timestamp_header", ""))
            over = Over.TIMESTAMP_COLON_BODY if header else Over.BODY
            return Hmac(_GRAFANA_HEADER, over=over, timestamp_header=header)
        return self._hmac(given["hmac"], has_secret="secret" in given) if "hmac" in given else None

    def _hmac(self, value: object, *, has_secret: bool) -> Hmac:
        given = _mapping(self.item, f"{self.name}.hmac", value, "a mapping with `header`")
        self._refuse_unknown("hmac", given, _HMAC_KEYS, "hmac")
        if not has_secret:
            raise self._refuse("hmac", "needs `secret` beside it: what the sender signs with")
        over = self._choice("hmac.over", given.get("over", Over.BODY), Over)
        stamp = self._header("hmac.timestamp_header", given.get("timestamp_header", ""))
        if bool(stamp) != (over is not Over.BODY):
            raise self._refuse(
                "hmac",
                "must have `timestamp_header` where `over` names the timestamp, and only there",
            )
        if not given.get("header"):
            raise self._refuse("hmac", "must have `header`: where the signature stands")
        prefix = given.get("prefix", "")
        if not isinstance(prefix, str) or len(prefix) > 64:
            raise self._refuse("hmac.prefix", "must be a short text such as 'sha256='")
        encoding = self._choice("hmac.encoding", given.get("encoding", Encoding.HEX), Encoding)
        return Hmac(self._header("hmac.header", given["header"]), prefix, encoding, over, stamp)

    def _header(self, inner: str, value: object) -> str:
        if value and not (isinstance(value, str) and _HEADER.fullmatch(value)):
            raise self._refuse(inner, "must be the name of a header, such as X-Signature")
        return str(value)

    def _check_standard(self, secret: SecretStr) -> None:
        text = secret.get_secret_value()
        if not text:
            return
        try:
            standard_webhooks_key(text)
        except ValueError:
            raise self._refuse(
                "secret",
                f"must be base64 of at least {LEAST_SECRET_LENGTH} bytes, as Standard Webhooks has "
                "it (`whsec_...`); for a sender that signs in another way, say how with `hmac`",
            ) from None

    def _map(self, value: object) -> dict[str, str]:
        example = "a mapping with at least `key`, such as {key: body.service}"
        given = _mapping(self.item, f"{self.name}.map", value, example)
        self._refuse_unknown("map", given, _MAP_KEYS, "map")
        if not given.get("key"):
            raise self._refuse("map", f"must be {example}: signals of one key belong together")
        return dict(self._expressions(given))

    def _expressions(self, given: Mapping[str, object]) -> Iterable[tuple[str, str]]:
        for name, value in given.items():
            if name in ("labels", "annotations") and isinstance(value, dict):
                for label, source in cast("dict[object, object]", value).items():
                    part = f"{name}.{label}"
                    if not _LABEL.fullmatch(str(label)):
                        raise self._refuse(f"map.{part}", "is no name: letters, digits and '_'")
                    yield part, self._expression(part, source)
            else:
                yield name, self._expression(name, value)

    def _expression(self, part: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._refuse(
                f"map.{part}",
                "must be an expression as a text, such as body.id; a fixed text is quoted "
                "twice: '\"info\"'",
            )
        return value

    def _api(self, value: object) -> str:
        if value is None:
            return ""
        said = value if isinstance(value, str) and _ADDRESS.fullmatch(value) else ""
        if not said:
            raise self._refuse(
                "api",
                "must be the http:// or https:// address of its web interface, such as "
                "http://alertmanager:9093, without a user and without a query",
            )
        return said.rstrip("/")

    def _origins(self, value: object) -> tuple[str, ...]:
        found = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(one, str) and _ORIGIN.fullmatch(one) for one in found):
            raise self._refuse("origins", "must be a list of host names such as events.example.com")
        return tuple(str(one) for one in found)

    def _subjects(self, value: object) -> tuple[str, ...]:
        if value is None:
            return _SUBJECTS
        found = cast("list[object]", value) if isinstance(value, list) else []
        texts = [one for one in found if isinstance(one, str) and is_pattern(one)]
        if len(texts) < len(found) or not 0 < len(texts) <= _MOST_SUBJECTS:
            raise self._refuse(
                "subjects",
                f"must be a list of 1 to {_MOST_SUBJECTS} patterns of subjects such as "
                "ops.clusters.*.nodes.> ('*' for one part, '>' for all that follow)",
            )
        return tuple(dict.fromkeys(texts))

    def _nats(self, given: Mapping[str, object], environ: Mapping[str, str] | None) -> Nats | None:
        if "nats" not in given:
            return None
        return read_nats(self.item, f"{self.name}.nats", given["nats"], environ)

    def _where(self) -> Mapping[str, str]:
        """What is said of each part in an error."""
        prefix, whole = f"{self.name}.", self.item.at(self.name)
        inner = {
            place.removeprefix(prefix): self.item.at(place)
            for place in self.item.lines
            if place.startswith(prefix)
        }
        return MappingProxyType({"": whole, **inner})
