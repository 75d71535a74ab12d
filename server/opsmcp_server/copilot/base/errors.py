"""Errors of the chat, by what becomes of a question. Each is one line that says what to set."""

__all__ = [
    "ContextOverflow",
    "CopilotError",
    "EndpointFailed",
    "EndpointRefused",
    "NoToolCalling",
    "StreamDropped",
    "Unreachable",
]


class CopilotError(Exception):
    """Any of them; `status` is the exit status that it deserves."""

    status = 1


class EndpointRefused(CopilotError):
    """The endpoint will not answer this: key, address, model or request is wrong."""

    status = 2


class ContextOverflow(EndpointRefused):
    """The conversation is longer than the model can read; it may be shortened and sent again."""


class NoToolCalling(EndpointRefused):
    """The endpoint or the model does not take tools; it may be asked for JSON instead."""


class Unreachable(CopilotError):
    """Nobody answers at the address."""

    status = 3


class EndpointFailed(CopilotError):
    """The endpoint answered with an error of its own, or with what cannot be understood."""


class StreamDropped(EndpointFailed):
    """The answer broke off in the middle; what came is kept."""
