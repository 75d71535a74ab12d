"""Errors of the chat, by what becomes of a question. Each is one line for the person.

`CopilotError` is all of them. `EndpointRefused` (exit status 2): key, address, model or request is
wrong; of its kind are `ContextOverflow`, to be shortened and sent again, and `NoToolCalling`, to be
asked for JSON instead. `Unreachable` (3): nobody answers. `EndpointFailed` (1): it answered, but
not well; of its kind is `StreamDropped`, where what came is kept.
"""

__all__ = [
    "ContextOverflow",
    "CopilotError",
    "EndpointFailed",
    "EndpointRefused",
    "Unreachable",
    "NoToolCalling",
    "StreamDropped",
]


class CopilotError(Exception):
    """What went wrong and what to set, in one line."""

    status = 1


class EndpointRefused(CopilotError):
    """The endpoint will not answer this, however often it is asked."""

    status = 2


class ContextOverflow(EndpointRefused):
    """The conversation is longer than the model can read."""


class NoToolCalling(EndpointRefused):
    """The endpoint or the model does not take tools."""


class Unreachable(CopilotError):
    """Nobody answers at the endpoint's address."""

    status = 3


class EndpointFailed(CopilotError):
    """The endpoint answered with an error of its own, or with what cannot be understood."""


class StreamDropped(EndpointFailed):
    """The answer broke off in the middle."""
