"""The handle of a request, told from that of a run, and the key of the run that it becomes."""

import secrets

__all__ = [
    "PATTERN",
    "incident_key",
    "incident_of",
    "is_of_incident",
    "is_request",
    "new_handle",
    "run_key",
]

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 26
"""130 bits, so that no handle is guessed."""

_PREFIX = "q-"

PATTERN = f"{_PREFIX}[{_LETTERS}]{{{_LENGTH}}}"
"""What handles of requests match, as a regular expression."""


def new_handle() -> str:
    """A handle that nobody guesses."""
    return _PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def is_request(handle: str) -> bool:
    """Whether a handle is that of a request, and not that of a run."""
    return handle.startswith(_PREFIX)


def run_key(request: str) -> str:
    """The idempotency key of the run of a request: one run, however often it is started.

    No caller can give it: the keys of callers hold nothing that cannot be seen.
    """
    return f"\x1frequest {request}"


_INCIDENT = "\x1fincident "


def incident_key(incident: str, attempt: int, step: str) -> str:
    """The idempotency key of what an incident asks for or starts, once, however often it is tried.

    No caller can give it either.
    """
    return f"{_INCIDENT}{incident} {attempt} {step}"


def is_of_incident(key: str) -> bool:
    """Whether a request was made for an incident, which knows whether it may still be started."""
    return key.startswith(_INCIDENT)


def incident_of(key: str) -> tuple[str, int]:
    """The incident and the attempt that a key of `incident_key` is of."""
    incident, attempt, _ = key.removeprefix(_INCIDENT).split(" ", 2)
    return incident, int(attempt)
