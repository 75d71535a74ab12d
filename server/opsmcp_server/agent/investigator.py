"""Leads the conversation with a model about an incident: a step a look, each kept when it is done.

A step asks the model once, or makes one of its calls. Nothing is remembered but in the record, so
that whoever looks next goes on where it ended, in this process or another.
"""

import json
from dataclasses import replace

import anyio

from opsmcp_server.agent.calls import Calls
from opsmcp_server.agent.case import Case
from opsmcp_server.agent.model import Model, NoAnswer
from opsmcp_server.agent.offer import offer
from opsmcp_server.agent.prompt import incident_text, system_text
from opsmcp_server.agent.reading import heard
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ModelAsked
from opsmcp_server.calls.prepare import Prepared
from opsmcp_server.responding.checks import is_confirmed
from opsmcp_server.responding.decision import decided
from opsmcp_server.responding.looks import Later, seconds_left
from opsmcp_server.responding.records import Records
from opsmcp_tools.incidents.conversation import Conversation
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Allowed, Event, HandOver, Investigate, Recheck
from opsmcp_tools.incidents.responder import Agent, Responder
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["Investigator"]

_MOST_TURNS = 40
_MOST_UNREAD = 3
_MOST_AT_ONCE = 4
"""How many incidents one opsmcp asks the model about at the same time."""

_NOW, _SOON = 0.0, 1.0
_MOST_WHY = 600
_MOST_REASON = 200

_AFTER_A_CHANGE = "Not made, as a change came before it. Call again, if it is still needed."


class Investigator:
    """Asks the model of one opsmcp. See `Investigates`."""

    def __init__(self, context: CallContext, model: Model) -> None:
        """Prepare; nothing is asked."""
        self._context, self._clock = context, context.clock
        self._records = Records(context)
        self._calls = Calls(context, self._records)
        self._model = model
        self._room = anyio.CapacityLimiter(_MOST_AT_ONCE)

    async def begin(self, incident: Incident, responder: Responder) -> Event:
        """The model looks, in the time that is left to it."""
        talk = await self._records.conversation(incident.id)
        spent = talk.seconds if talk else 0.0
        return Investigate(words.INVESTIGATED(), max(1.0, _agent(responder).seconds - spent))

    async def step(self, incident: Incident, responder: Responder) -> Event | Later:
        """Ask the model once, or make one of its calls."""
        began, agent = self._clock.monotonic(), _agent(responder)
        talk = await self._records.conversation(incident.id) or self._first(incident, responder)
        if (ended := self._ended(incident, agent, talk)) is not None:
            return ended
        offered = await offer(self._context, responder, agent)
        case = Case(incident, responder, agent, talk, offered)
        found = await (self._make(case) if talk.pending else self._ask(case))
        if not isinstance(found, Conversation):
            return found
        return await self._keep(incident, found, talk.seconds + self._clock.monotonic() - began)

    def _first(self, incident: Incident, responder: Responder) -> Conversation:
        text = incident_text(incident, responder, self._context.new_mark())
        return Conversation().told(self._context.masker.text(text))

    async def _keep(self, incident: Incident, talk: Conversation, seconds: float) -> Event | Later:
        try:
            await self._records.keep(incident, replace(talk, seconds=seconds))
        except ValueError:
            return _budget_spent("1 MiB", talk)
        return Later(_NOW)

    # Its ends

    def _ended(self, incident: Incident, agent: Agent, talk: Conversation) -> HandOver | None:
        """That people have it, if the model has ended or has nothing left to go on with."""
        if talk.diagnosis:
            return HandOver(words.DIAGNOSED(_so_far(talk)), escalated=True)
        if talk.unread >= _MOST_UNREAD:
            return HandOver(words.UNREADABLE(_so_far(talk)), escalated=True)
        if self._left(incident) <= 0:
            return _budget_spent(f"{agent.seconds / 60:g} min", talk)
        if talk.pending:
            return None
        if talk.turns >= _MOST_TURNS:
            return _budget_spent(f"{_MOST_TURNS} turns", talk)
        needed = estimate_tokens(json.dumps(talk.messages, ensure_ascii=False))
        if talk.tokens + needed > agent.tokens:
            return _budget_spent(f"{agent.tokens} tokens", talk)
        return None

    def _left(self, incident: Incident) -> float:
        return seconds_left(incident, self._clock.now())

    # Steps

    async def _ask(self, case: Case) -> Conversation | Event | Later:
        try:
            self._room.acquire_nowait()
        except anyio.WouldBlock:
            return Later(_SOON)
        try:
            return await self._ask_now(case)
        finally:
            self._room.release()

    async def _ask_now(self, case: Case) -> Conversation | Event:
        incident, talk, config = case.incident, case.talk, self._context.config
        system = system_text(incident, case.agent, config.tools.language)
        tools = case.offer.definitions(reads=case.may_read, changes=case.may_change)
        try:
            answer = await self._model.answer(system, talk.messages, tools, self._left(incident))
        except NoAnswer as error:
            why = self._context.masker.text(clean_line(str(error), _MOST_REASON))
            return HandOver(words.NO_MODEL(why, _so_far(talk)), escalated=True)
        self._context.observers(ModelAsked(case.responder.name, answer.tokens))
        sent = replace(talk, messages=answer.messages, tokens=talk.tokens + answer.tokens)
        return heard(sent, answer.reply, self._context.masker.text)

    async def _make(self, case: Case) -> Conversation | Event | Later:
        talk = case.talk
        made = await self._calls.make(case)
        if isinstance(made, Prepared):
            return await self._change(case, made)
        after = talk.answered(made.text, made.run)
        while talk.pending[0].asked_in and after.pending:
            after = after.answered(_AFTER_A_CHANGE)
        return after

    async def _change(self, case: Case, prepared: Prepared) -> Conversation | Event | Later:
        """Ask for a change; or that it is done, where that is allowed without asking."""
        context, incident, responder = self._context, case.incident, case.responder
        if responder.confirm is not None and not is_confirmed(incident, self._clock.now()):
            return Recheck(words.RECHECKED())
        asked = case.talk.asked(case.attempt)
        if not await self._records.keep(incident, asked):
            return Later(_NOW)
        try:
            step = f"call {asked.pending[0].number}"
            event = await decided(context, incident, prepared, step)
        except ToolError as error:
            return case.talk.answered(self._calls.fenced(str(error)))
        if isinstance(event, Allowed) and not responder.is_sure_of(incident.signal):
            return HandOver(words.UNTRUSTED())
        said = clean_line(case.talk.so_far, _MOST_REASON) or "-"
        return replace(event, why=words.MODEL_ASKED(event.operation, said, event.why))


def _agent(responder: Responder) -> Agent:
    return responder.agent or Agent(())


def _so_far(talk: Conversation) -> str:
    return clean_line(talk.so_far, _MOST_WHY) or "-"


def _budget_spent(budget: str, talk: Conversation) -> HandOver:
    return HandOver(words.BUDGET_SPENT(budget, _so_far(talk)), escalated=True)
