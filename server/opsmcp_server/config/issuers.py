"""`auth.oidc` of the settings file: the OpenID Connect issuers whose tokens are accepted."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.safe_text.characters import quote

__all__ = ["ALGORITHMS", "Issuer", "is_loopback_host", "read_issuers"]

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""What may sign: public keys only, so that no public key is ever taken for a shared secret."""

_TAKEN = frozenset({"local", "token", "responder", "schedule"})
_PREFIX = re.compile(r"(?:[A-Za-z0-9._-]+:)?")
_MOST = 20

Scope = Literal["ops:read", "ops:run"]
_Word = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[!-~]+$")]


class Issuer(BaseModel):
    """One issuer. `audiences` empty: the address of this server's `/mcp`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")]
    issuer: _Word
    audiences: tuple[_Word, ...] = ()
    name_claim: _Word = "email"
    prefix: str | None = None
    groups_claim: _Word = "groups"
    groups_prefix: Annotated[str, Field(max_length=100)] = ""
    scopes: Mapping[Scope, _Word] = Field(
        default_factory=lambda: cast(
            "dict[Scope, str]", {"ops:read": "ops:read", "ops:run": "ops:run"}
        )
    )
    default_scopes: tuple[Scope, ...] = ()
    advertise: bool = True
    token_type: Literal["", "at+jwt"] = ""
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = ALGORITHMS
    jwks_uri: _Word | None = None
    ca_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.id in _TAKEN:
            raise ValueError(f"id may not be one of {', '.join(sorted(_TAKEN))}")
        for name, url in (("issuer", self.issuer), ("jwks_uri", self.jwks_uri or self.issuer)):
            if not _is_safe(url):
                raise ValueError(f"{name} must be an https address (http on the loopback only)")
        if "?" in self.issuer or "#" in self.issuer:
            raise ValueError("issuer has neither a query nor a fragment")
        if self.prefix is not None and not _PREFIX.fullmatch(self.prefix):
            raise ValueError("prefix must be empty, or a word and a colon")
        if (self.prefix or "").removesuffix(":") in _TAKEN:
            raise ValueError(f"prefix may not be one of {', '.join(sorted(_TAKEN))}")
        if set(self.algorithms) - set(ALGORITHMS):
            raise ValueError(f"algorithms may only be narrowed: {', '.join(ALGORITHMS)}")
        if set(self.scopes) != {"ops:read", "ops:run"}:
            raise ValueError("scopes must name both ops:read and ops:run")
        return self

    @property
    def name_prefix(self) -> str:
        """What stands before the names of its users."""
        if self.prefix is not None:
            return self.prefix
        return "" if self.name_claim == "email" else f"{self.id}:"


def read_issuers(item: RawSetting) -> tuple[Issuer, ...]:
    """The issuers of the settings.

    Raises:
        ConfigError: One of them cannot be meant; says which and why.
    """
    value: object = item.value
    entries = cast("list[object]", value) if isinstance(value, list) else None
    if entries is None or len(entries) > _MOST:
        raise ConfigError(f"{item.key} must be a list of at most {_MOST} issuers ({item.origin})")
    issuers = tuple(_read(item, number, entry) for number, entry in enumerate(entries))
    _check_together(item, issuers)
    return issuers


def _read(item: RawSetting, number: int, entry: object) -> Issuer:
    problem = ""
    try:
        found = Issuer.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = (
            f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, ")
        )
    else:
        return _placed(item, found)
    raise ConfigError(f"{item.key}[{number}]: {problem[:300]} ({item.origin})")


def _placed(item: RawSetting, issuer: Issuer) -> Issuer:
    """The same, with files that count from where the settings file lies."""
    more: dict[str, Any] = {}
    for key in ("ca_file", "token_file"):
        path: Path | None = getattr(issuer, key)
        if path is not None:
            more[key] = item.base / path.expanduser()
    return issuer.model_copy(update=more)


def _check_together(item: RawSetting, issuers: Sequence[Issuer]) -> None:
    for what in ("id", "issuer", "name_prefix"):
        values = [getattr(issuer, what) for issuer in issuers]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            said = {"name_prefix": "prefix"}.get(what, what)
            raise ConfigError(
                f"{item.key}: two issuers have the {said} {quote(twice)}; their users could not be "
                f"told apart ({item.origin})"
            )
    advertised = [dict(issuer.scopes) for issuer in issuers if issuer.advertise]
    if any(scopes != advertised[0] for scopes in advertised):
        raise ConfigError(
            f"{item.key}: issuers that are advertised must have the same scopes; set advertise: "
            f"false for the others ({item.origin})"
        )


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host))


def is_loopback_host(host: str) -> bool:
    """Whether a host of an address is this machine alone, where nobody else listens in."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
