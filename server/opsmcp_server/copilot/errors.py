"""Errors of the chat, by what becomes of a question.

    CopilotError            one line for the person, with the exit status
        EndpointRefused     2: key, address, model or request is wrong; do not send it again
            ContextOverflow     too long for the model; shorten it and send it again
            NoToolCalling       the endpoint takes no tools; ask for JSON instead
        EndpointUnreachable 3: nobody answers
        EndpointFailed      1: it answered, but not well
            StreamDropped       the answer broke off; what came is kept
"""

__all__ = [
    "ContextOverflow",
    "CopilotError",
    "EndpointFailed",
    "EndpointRefused",
    "EndpointUnreachable",
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


class EndpointUnreachable(CopilotError):
    """Nobody answers at the endpoint's address."""

    status = 3


class EndpointFailed(CopilotError):
    """The endpoint answered with an error of its own, or with what cannot be understood."""


class StreamDropped(EndpointFailed):
    """The answer broke off in the middle."""
