"""What the groups of settings are made of: units, limits, paths, secrets, and words for people.

Each field of a group carries a `Means`: the words with which a bad value is refused, so that no
message is a library's. The groups are in `groups`, one frozen class for what stands before the
point of a setting's name; where a value comes from is the affair of `load`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, SecretStr
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_after_validator_function,
    no_info_before_validator_function,
)

__all__ = [
    "APPROVER_COUNT",
    "Address",
    "DIRECTORY",
    "Flag",
    "Group",
    "LEAST_KEY_LENGTH",
    "LeadsTo",
    "MOST_APPROVERS",
    "Means",
    "NO_SECRET",
    "Names",
    "Patterns",
    "REQUEST_DURATION",
    "RawSetting",
    "Secret",
    "duration",
    "number",
    "printable",
    "read_duration",
    "seconds_within",
    "web_address",
    "whole",
]


@dataclass(frozen=True, slots=True)
class RawSetting:
    """A value that somebody gave: for which setting, where, and what relative paths count from.

    `lines` has the line of each part of a setting that has parts with meanings of their own, such
    as `alertmanager.token` of `events.senders`.
    """

    key: str
    value: object
    origin: str
    base: Path
    lines: Mapping[str, int] = field(default_factory=dict[str, int], repr=False)

    def at(self, part: str) -> str:
        """Where a part of it stands, or the nearest one around it; as `origin`."""
        while part and part not in self.lines:
            part = part[: max(part.rfind("."), part.rfind("["), 0)]
        return f"{self.origin.rpartition(':')[0]}:{self.lines[part]}" if part else self.origin


@dataclass(frozen=True, slots=True)
class Means:
    """What a good value is, to follow the words "must be"."""

    text: str


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """What a path has to lead to, and the words that may stand in its place.

    A setting that is a path and has none of these leads anywhere.
    """

    is_there: Callable[[Path], bool] | None = None
    missing: str = ""
    """What is said of a path at which it is not there, to follow the word "is"."""
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Within(Means):
    """A number from `least` to `most`, as `text` says."""

    least: float
    most: float

    def __get_pydantic_core_schema__(
        self, source: type[float], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        checked = no_info_after_validator_function(self._check, handler(source))
        return no_info_before_validator_function(_no_flag, checked)

    def _check(self, value: float) -> float:
        if not self.least <= value <= self.most:
            raise ValueError("out of bounds")
        return value


def _no_flag(value: object) -> object:
    # YAML's `yes` and `on` would otherwise count as the number 1.
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def seconds_within(least: float, most: float) -> _Within:
    """What makes a setting a number of seconds from `least` to `most`."""
    return number(least, most, "a number of seconds")


def whole(least: int, most: int) -> _Within:
    """What makes a setting a whole number from `least` to `most`."""
    return number(least, most, "a whole number")


def number(least: float, most: float, what: str = "a number") -> _Within:
    """What makes a setting a number from `least` to `most`; `what` says of what."""
    return _Within(f"{what} from {least} to {most}", least, most)


def web_address(value: str) -> str:
    """An address without a trailing slash; empty stays empty.

    Raises:
        ValueError: It is no web address, or holds a user name, a query or a fragment.
    """
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("not a web address")
    if parts.query or parts.fragment or any(char.isspace() for char in value):
        raise ValueError("not a web address")
    _ = parts.port  # raises for one that is out of range
    return value.rstrip("/")


def printable(value: SecretStr) -> SecretStr:
    """The secret, if it can stand in a header.

    Raises:
        ValueError: It cannot.
    """
    text = value.get_secret_value()
    if not all("!" <= char <= "~" for char in text):
        raise ValueError("not one printable word")
    return value


def read_duration(text: object) -> float:
    """How many seconds a text such as `30m` or `2h` means.

    Raises:
        ValueError: It is none, shorter than a minute or longer than a week.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _UNITS["m"] <= seconds <= 7 * _UNITS["d"]:
        raise ValueError("no such duration")
    return float(seconds)


def duration(value: str) -> str:
    """The text, if it is a duration.

    Raises:
        ValueError: It is none.
    """
    read_duration(value)
    return value


LEAST_KEY_LENGTH = 32
"""How many characters a key has at least."""

MOST_APPROVERS = 20
APPROVER_COUNT = f"a whole number from 1 to {MOST_APPROVERS}"
REQUEST_DURATION = "a duration from 1m to 7d, such as 15m or 2h"
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

NO_SECRET = SecretStr("")
Address = Annotated[
    str,
    AfterValidator(web_address),
    Means("an http:// or https:// address without a user name, query or fragment"),
]
Secret = Annotated[
    SecretStr,
    AfterValidator(printable),
    Means("one word of printable ASCII characters (its value is not shown)"),
]
Names = Annotated[tuple[str, ...], Means("a list of names")]
Patterns = Annotated[tuple[str, ...], Means("a list of name patterns such as `get-*`")]
Flag = Annotated[bool, Means("true or false")]
DIRECTORY = LeadsTo(Path.is_dir, "not a directory")


class Group(BaseModel):
    """Settings whose names begin with the same word and a point."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )
