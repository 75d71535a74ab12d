"""What the machine knows of a model that looks for the cause: it begins, and takes one step a look.

Who it is stands above: nothing of a model is imported unless a responder wants one.
"""

from typing import Protocol

from opsmcp_server.responding.looks import Later
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Event, HandOver
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.phrases import incident as words

__all__ = ["Investigates", "NoModel"]


class Investigates(Protocol):
    """Leads the conversation with a model about incidents of one opsmcp."""

    async def begin(self, incident: Incident, responder: Responder) -> Event:
        """Begin, or go on after a decision or a run."""
        ...

    async def step(self, incident: Incident, responder: Responder) -> Event | Later:
        """Ask the model once, or make one of its calls."""
        ...


class NoModel:
    """Stands where no model is asked: people have what one was to look at."""

    async def begin(self, incident: Incident, responder: Responder) -> Event:
        """People have it."""
        return HandOver(words.NO_MODEL_HERE(), escalated=True)

    async def step(self, incident: Incident, responder: Responder) -> Event | Later:
        """Likewise."""
        return HandOver(words.NO_MODEL_HERE(), escalated=True)
