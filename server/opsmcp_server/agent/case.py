"""Case: what one step is about."""

from dataclasses import dataclass

from opsmcp_server.agent.offer import Offer
from opsmcp_tools.incidents.conversation import Conversation
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.responder import Agent, Responder

__all__ = ["Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its responder, what was said of it so far, and what the model is offered."""

    incident: Incident
    responder: Responder
    agent: Agent
    talk: Conversation
    offer: Offer

    @property
    def attempt(self) -> str:
        """In which attempt it is: what was asked for in another one has come back."""
        return f"{self.incident.attempt}.{self.incident.voids}"

    @property
    def may_read(self) -> bool:
        """Whether another run may be started that only reads."""
        return len(self.talk.runs) < self.agent.reads

    @property
    def may_change(self) -> bool:
        """Whether another change may be asked for."""
        return self.incident.attempt <= self.agent.changes
