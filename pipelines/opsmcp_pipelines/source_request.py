"""SourceRequest: one request to a source over the network, as whoever measures them is told."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Observe", "SourceRequest", "unobserved"]


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """A request that is over.

    Attributes:
        method: Of HTTP.
        status: Of the answer; None when none came, or not all of it.
        began_ns: When it was sent, in nanoseconds since 1970.
        seconds: How long it took.
    """

    method: str
    status: int | None
    began_ns: int
    seconds: float


Observe = Callable[[SourceRequest], None]
"""Told of each request. Must not block and not raise."""


def unobserved(_request: SourceRequest) -> None:
    """Tell nobody."""
