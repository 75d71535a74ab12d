"""What OpenSSH says when nothing was started: from its messages to a reason and a sentence. Pure.

The messages are those of OpenSSH 7.4 to 10 with `LC_ALL=C`, and a banner may stand among them. A
message that is not known is shown as it is, and its reason is `other`: nothing was started in any
case.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

__all__ = ["Reason", "cause_line", "key_place", "last_line", "read_refusal", "said_refusal"]


class Reason(StrEnum):
    """Why certainly nothing ran."""

    HOST_KEY_UNKNOWN = "host key unknown"
    HOST_KEY_CHANGED = "host key changed"
    AUTH = "login refused"
    UNREACHABLE = "not reached"
    CLOSED = "connection closed before the login"
    SUDO = "sudo refused"
    SESSION = "cannot be stopped there"
    INTERPRETER = "interpreter missing"
    DIRECTORY = "no temporary directory"
    TOOLS = "sha256sum or stat missing"
    LOST = "connection lost"
    SILENT = "no answer"
    OTHER = "not started"

    @property
    def may_pass(self) -> bool:
        """Whether another try a moment later may do better, and harms nobody."""
        return self is Reason.CLOSED


_PATTERNS: Sequence[tuple[Reason, re.Pattern[str]]] = tuple(
    (reason, re.compile(pattern, re.MULTILINE))
    for reason, pattern in (
        (Reason.HOST_KEY_CHANGED, r"REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY"),
        (Reason.HOST_KEY_UNKNOWN, r"^Host key verification failed"),
        # Before all that follows: a connection that was kept, or was to be, is no use.
        (Reason.CLOSED, r"^(?:mux_client|muxclient|muxserver|unix_listener|Control master)"),
        (Reason.AUTH, r"Permission denied \(|Too many authentication failures"),
        (
            Reason.UNREACHABLE,
            r": (?:Connection refused|(?:Connection|Operation) timed out|No route to host|"
            r"Network is unreachable|Host is down)|Could not resolve hostname|"
            r"^Connection (?:to \S+ port [0-9]+ )?timed out",
        ),
        (
            Reason.CLOSED,
            r"kex_exchange_identification|banner exchange|^Connection (?:closed|reset) by|"
            r"ssh_exchange_identification|Exceeded MaxStartups|Connection reset by peer",
        ),
        (Reason.SUDO, r"^sudo: |\bsudo: (?:command )?not found"),
    )
)
_BY_PROXY = "UNKNOWN port 65535"
"""Where a connection ended that was made by another program."""

_SAID: Mapping[str, Reason] = MappingProxyType(
    {
        "session": Reason.SESSION,
        "interpreter": Reason.INTERPRETER,
        "directory": Reason.DIRECTORY,
        "sums": Reason.TOOLS,
        "stat": Reason.TOOLS,
    }
)


def said_refusal(word: str) -> Reason:
    """The reason in what the far side says itself, in place of starting a script."""
    return _SAID.get(word, Reason.OTHER)


def read_refusal(message: str) -> Reason:
    """The reason in what ssh wrote to its standard error."""
    found = (reason for reason, pattern in _PATTERNS if pattern.search(message))
    return next(found, Reason.OTHER)


def key_place(message: str, most_chars: int) -> str:
    """The file and the line of the key that a host had before; empty if ssh does not name them."""
    found = re.search(
        r"^Offending .{0,40}?key (?:for IP )?in (.+:[0-9]+)\s*$", message, re.MULTILINE
    )
    place = found[1] if found else ""
    return place if place.isprintable() and len(place) <= most_chars else ""


def cause_line(reason: Reason, message: str, most_chars: int) -> str:
    """Why nothing was started, as ssh says it; of a jump host or proxy, what that said first."""
    if reason is Reason.OTHER:
        return _printable("; ".join(_lines(message)[-2:]), most_chars)
    if _BY_PROXY not in message:
        return last_line(message, most_chars)
    return f"its jump host or proxy: {last_line(_lines(message)[0], most_chars)}"


def last_line(message: str, most_chars: int) -> str:
    """What a program said last, for people: printable, and without where it stood."""
    lines = _lines(message)
    return _printable(lines[-1].rpartition(": ")[2] if lines else "", most_chars)


def _lines(message: str) -> list[str]:
    return [line.strip() for line in message.splitlines() if line.strip()]


def _printable(text: str, most_chars: int) -> str:
    return "".join(char for char in text if char.isprintable())[:most_chars]
