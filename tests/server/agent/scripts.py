"""Incidents that a scripted model looks at: worlds with a responder that asks it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsmcp_tools.incidents.conversation import Conversation
from opsmcp_tools.incidents.incident import Incident, State
from tests.fakes.openai_server import Answer, FakeOpenAI, Request, calls
from tests.server.responding.ground import Working, World, make_world

READS = "  - {name: looks, mode: agent, agent: {tools: [get-*, clear-*], MORE}}\n"


def make_agent(root: Path, fake: FakeOpenAI, more: str = "reads: 12", rest: str = "") -> World:
    """A world with one responder, `looks`, of which `agent` has more and which has other fields."""
    responder = READS.replace("MORE", more)
    if rest:
        responder = responder.rstrip()[:-1] + f", {rest}}}\n"
    return make_world(root, responder, model=fake.url)


def finishes(diagnosis: str) -> Answer:
    return calls(("finish", {"diagnosis": diagnosis}))


@dataclass
class Thinking(FakeOpenAI):
    """A model that answers by what it is asked, however often that is."""

    think: Callable[[Request], Answer] = lambda _: finishes("nothing")

    def answer_to(self, request: Request) -> Answer:
        return self.think(request)


async def said(work: Working, incident: Incident) -> Conversation:
    talk = await work.driver.records.conversation(incident.id)
    assert talk is not None
    return talk


async def ended(work: Working, key: str, *states: State) -> Incident:
    """The incident of that key, in one of these states."""
    one = await work.until(*(states or (State.HANDED_OVER, State.CLOSED)))
    assert one.key == key
    return one


def states_of(incident: Incident) -> Sequence[State]:
    return [entry.after for entry in incident.log]
