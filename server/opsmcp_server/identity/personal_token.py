"""Personal tokens: what one looks like, and what is kept of it, which is never the token. Pure.

`opsmcp_ID_SECRET_SUM`: the id finds it, 256 random bits are the secret, and the sum lets scanners
(and a slip of the hand) be recognised without a look into any file. Of the secret a plain hash is
kept: nobody guesses 256 bits, however fast the hash.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from opsmcp_tools.model.principal_id import is_id
from opsmcp_tools.model.tool import Principal

__all__ = ["NAME", "SCOPES", "PersonalToken", "is_personal", "make_token", "split_token"]

SCOPES = ("ops:read", "ops:run")
"""What a token may be good for: to look, and to start or cancel."""

NAME = re.compile(r"(?!token$)[a-z0-9][a-z0-9._-]{0,62}")
"""Neither `@` nor `:`, so that no user of an identity provider can have one; `token` is taken."""

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID = re.compile(r"[0-9A-Za-z]{8}")
_FORM = re.compile(r"opsmcp_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})")
_HASH = re.compile(r"[0-9a-f]{64}")
_PREFIX = "opsmcp_"
_LONGEST_NOTE = 200
_MOST_GROUPS = 100
_LONGEST_GROUP = 256


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """What is kept of a token. Times are aware; without `expires` it does not expire."""

    id: str
    hash: str
    principal: Principal
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    note: str = ""

    def is_of(self, secret: str) -> bool:
        """Whether this is its secret; the time tells nothing."""
        return hmac.compare_digest(_hash_of(secret), self.hash)

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires <= now

    def data(self) -> dict[str, Any]:
        """As it stands in a file."""
        return {
            "id": self.id,
            "hash": self.hash,
            "name": self.principal.name,
            "principal": self.principal.id,
            "groups": list(self.principal.groups),
            "scopes": list(self.scopes),
            "created": self.created.isoformat(timespec="seconds"),
            "expires": self.expires.isoformat(timespec="seconds") if self.expires else None,
            "revoked": self.revoked.isoformat(timespec="seconds") if self.revoked else None,
            "note": self.note,
        }

    @classmethod
    def read(cls, data: object) -> "PersonalToken":
        """What stands in a file.

        Raises:
            ValueError: It is no such entry; never tells what it is.
        """
        if not isinstance(data, dict):
            raise ValueError("an entry is no mapping")
        found = cast("Mapping[str, Any]", data)
        if unknown := sorted(set(found) - _KEYS):
            raise ValueError(f"an entry has keys that are not known: {', '.join(unknown)[:100]}")
        name, groups = found.get("name"), tuple(_texts(found, "groups", ()))
        owner = found.get("principal") or f"token:{name}"
        _check(_fits(NAME, name), "name")
        _check(_fits(_ID, found.get("id")), "id")
        _check(_fits(_HASH, found.get("hash")), "hash")
        _check(is_id(owner) and not owner.startswith("local:"), "principal")
        _check(
            len(groups) <= _MOST_GROUPS and all(0 < len(g) <= _LONGEST_GROUP for g in groups),
            "groups",
        )
        scopes = tuple(_texts(found, "scopes", SCOPES))
        _check(bool(scopes) and set(scopes) <= set(SCOPES), "scopes")
        note = found.get("note") or ""
        _check(isinstance(note, str) and len(note) <= _LONGEST_NOTE, "note")
        created = _time(found, "created")
        _check(created is not None, "created")
        return cls(
            id=found["id"],
            hash=found["hash"],
            principal=Principal(str(name), groups, str(owner)),
            scopes=scopes,
            created=cast("datetime", created),
            expires=_time(found, "expires"),
            revoked=_time(found, "revoked"),
            note=note,
        )


_KEYS = frozenset(
    ("id", "hash", "name", "principal", "groups", "scopes", "created", "expires", "revoked", "note")
)


def is_personal(text: str) -> bool:
    """Whether a text means to be a personal token."""
    return text.startswith(_PREFIX)


def make_token(
    principal: Principal,
    *,
    scopes: tuple[str, ...] = SCOPES,
    now: datetime,
    expires: datetime | None,
    note: str = "",
) -> tuple[str, PersonalToken]:
    """A new token, which is shown once, and what is kept of it."""
    number, secret = (
        "".join(secrets.choice(_LETTERS) for _ in range(8)),
        _in_letters(secrets.token_bytes(32), 43),
    )
    text = f"{_PREFIX}{number}_{secret}_{_sum(number, secret)}"
    return text, PersonalToken(number, _hash_of(secret), principal, scopes, now, expires, note=note)


def split_token(text: str) -> tuple[str, str] | None:
    """The id and the secret of a token; None for what has not its form or not its sum."""
    found = _FORM.fullmatch(text)
    if found is None or _sum(found[1], found[2]) != found[3]:
        return None
    return found[1], found[2]


def _sum(number: str, secret: str) -> str:
    return _in_letters(zlib.crc32(f"{number}_{secret}".encode()).to_bytes(4, "big"), 6)


def _in_letters(data: bytes, length: int) -> str:
    number, text = int.from_bytes(data, "big"), ""
    for _ in range(length):
        number, digit = divmod(number, len(_LETTERS))
        text = _LETTERS[digit] + text
    return text


def _hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(good: bool, key: str) -> None:
    if not good:
        raise ValueError(f"an entry has no good {key}")


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _texts(found: Mapping[str, Any], key: str, otherwise: tuple[str, ...]) -> list[str]:
    value: object = found.get(key, list(otherwise))
    _check(isinstance(value, list), key)
    texts = cast("list[object]", value)
    _check(all(isinstance(text, str) and text.isprintable() for text in texts), key)
    return cast("list[str]", texts)


def _time(found: Mapping[str, Any], key: str) -> datetime | None:
    value = found.get(key)
    if value is None:
        return None
    _check(isinstance(value, str), key)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"an entry has no good {key}") from None
    _check(moment.tzinfo is not None, key)
    return moment
