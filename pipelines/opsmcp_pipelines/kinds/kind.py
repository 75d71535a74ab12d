"""Kind: what the values of a variable are. Frozen words that everything else shares; no checks.

A variable has a kind by its name (`names`), or because settings or a label say so (`declared`).
What each kind takes, and how that is said, is one row of `table`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ITEM_KINDS", "Kind", "Separator", "ValueClass", "VariableKind", "parse_kind"]


class Kind(StrEnum):
    """What a value is, and so how it is checked."""

    BOUND = "bound"
    """Filled by the server; never an input, so that it has no row in the table."""

    CHOICE = "choice"
    CIDR = "cidr"
    CLUSTER = "cluster"
    CONTAINER = "container"
    COUNT = "count"
    DURATION = "duration"
    EMAIL = "email"
    FLAG = "flag"
    HOST = "host"
    IMAGE = "image"
    IP = "ip"
    KUBERNETES_NAME = "kubernetes_name"
    LOCATION = "location"
    PACKAGE = "package"
    PATH = "path"
    PATTERN = "pattern"
    REF = "ref"
    SCHEDULE = "schedule"
    SELECTOR = "selector"
    SIGNAL = "signal"
    SIZE = "size"
    TEXT = "text"
    TIME = "time"
    TOKEN = "token"  # noqa: S105 - a kind of value, no password
    UNIT = "unit"
    URL = "url"
    USER = "user"
    VERSION = "version"


class ValueClass(StrEnum):
    """Where values of a kind may stand in a script; the analysis of scripts goes by this alone."""

    NAME = "name"
    """Names and numbers: anywhere."""

    ADDRESS = "address"
    """Addresses: anywhere but in programs of other languages and where a shell expands."""

    PHRASE = "phrase"
    """Phrases with blanks or signs: only within quotes."""

    TEXT = "text"
    """Any line: only at the places that are known to keep it data."""


class Separator(StrEnum):
    """What joins the items of a list."""

    BLANK = "blank"
    COMMA = "comma"
    LINE = "line"

    @property
    def sign(self) -> str:
        """The character itself."""
        return {Separator.BLANK: " ", Separator.COMMA: ",", Separator.LINE: "\n"}[self]


@dataclass(frozen=True, slots=True)
class VariableKind:
    """The kind of a variable: of its value or, where it is a list, of each item.

    Attributes:
        kind: What a value is.
        separator: What joins the items of a list; None for a single value.
        guessed: Nobody declared the kind, so that how a script uses the value may narrow it.
        also: What a value must be besides, because of where it stands.
        without: Characters that a value must not hold, because of where it stands.
    """

    kind: Kind
    separator: Separator | None = None
    guessed: bool = False
    also: Kind | None = None
    without: str = ""

    @property
    def is_list(self) -> bool:
        """Whether its value is several items in one string."""
        return self.separator is not None

    def join(self, items: Iterable[str]) -> str:
        """The one string that items are sent as."""
        return (self.separator.sign if self.separator else "").join(items)

    def __str__(self) -> str:
        """As it is declared: `host`, `list.host.comma`."""
        return f"list.{self.kind}.{self.separator}" if self.separator else str(self.kind)


def parse_kind(text: str) -> VariableKind | None:
    """The kind that somebody declares by `text`; None when there is none of that name.

    A list is `list.ITEM.SEPARATOR`, of items that mean nothing to a shell; comma by default.
    """
    first, *more = text.strip().split(".")
    if first != "list":
        known = first in set(Kind) and not more
        return VariableKind(Kind(first)) if known else None
    item, separator = (*more, Separator.COMMA)[:2] if more else ("", "")
    if len(more) > 2 or item not in ITEM_KINDS or separator not in set(Separator):
        return None
    return VariableKind(Kind(item), Separator(separator))


ITEM_KINDS = frozenset(Kind) - {
    Kind.BOUND,
    Kind.CHOICE,
    Kind.FLAG,
    Kind.PATTERN,
    Kind.SCHEDULE,
    Kind.SELECTOR,
    Kind.TEXT,
    Kind.TIME,
}
"""What a list may hold: each item is one word, and a separator never stands within it."""
