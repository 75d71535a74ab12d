"""What a model answered, as calls and words that are fit to be kept. Pure.

Nothing of it is taken on faith: what is not whole, not JSON or too much is no call, and says why.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from opsmcp_server.agent.offer import FINISH
from opsmcp_server.copilot.llm.json_text import read_object
from opsmcp_server.copilot.llm.reply import ModelCall, Reply
from opsmcp_tools.incidents.conversation import Call, Conversation
from opsmcp_tools.safe_text.cleaning import clean, head_and_tail

__all__ = ["heard"]

_MOST_CALLS = 8
_LONGEST_SAID = 16_000
_LONGEST_ARGUMENTS = 16_000
_LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")

_CUT = "Your answer was cut before its end. Not made. Call again, with less."
_BAD_ARGUMENTS = "The arguments are not one whole JSON object. Not made. Call again with one."
_TOO_LONG = f"The arguments have more than {_LONGEST_ARGUMENTS} characters. Not made."
_TOO_MANY = f"More than {_MOST_CALLS} calls at once. Not made. Call again, if it is still needed."
_SECRET = "An argument looks like a secret. Not made."  # noqa: S105 - no password
_EMPTY = "Your answer was empty. Call a tool, or finish(diagnosis)."
_FINISHED = "Not made: you finished."
_HANDED_OVER = "People have it."


def heard(talk: Conversation, reply: Reply, mask: Callable[[str], str]) -> Conversation:
    """The conversation with an answer; its diagnosis, if the answer is the last one.

    An answer without a call is a diagnosis, too. With `finish`, no other call of it counts.
    """
    said = head_and_tail(mask(clean(reply.text or reply.refusal)), _LONGEST_SAID).strip()
    if not reply.calls:
        if not said:
            return _unread(replace(talk, turns=talk.turns + 1).told(_EMPTY), talk)
        return replace(talk.said(said), diagnosis=said)
    read = _Read(reply, mask)
    calls = [read.call(place, talk.calls) for place in range(len(reply.calls))]
    after = talk.said(said, calls)
    if diagnosis := next((text for one in calls if (text := read.diagnosis(one))), ""):
        for call in calls:
            after = after.answered(_HANDED_OVER if call.name == FINISH else _FINISHED)
        return replace(after, diagnosis=diagnosis)
    if all(one.problem for one in calls):
        return _unread(after, talk)
    return replace(after, unread=0)


def _unread(after: Conversation, before: Conversation) -> Conversation:
    return replace(after, unread=before.unread + 1)


@dataclass
class _Read:
    """Reads the calls of one answer."""

    reply: Reply
    mask: Callable[[str], str]

    def call(self, place: int, before: int) -> Call:
        """A call, after so many, under a name and an id that every endpoint takes."""
        call, number = self.reply.calls[place], before + place + 1
        name = _NO_NAME.sub("_", call.name)[:_LONGEST_NAME] or "none"
        arguments, problem = self._arguments(call)
        if not problem and place >= _MOST_CALLS:
            problem = _TOO_MANY
        return Call(number, f"call_{number}", name, arguments, problem)

    def _arguments(self, call: ModelCall) -> tuple[str, str]:
        """The arguments as JSON, and why the call cannot be made."""
        if self.reply.cuts(call):
            return "{}", _CUT
        found = read_object(call.arguments)
        if found is None:
            return "{}", _BAD_ARGUMENTS
        written = json.dumps(found, ensure_ascii=False)
        if len(written) > _LONGEST_ARGUMENTS:
            return "{}", _TOO_LONG
        if call.name != FINISH and self.mask(written) != written:
            return "{}", _SECRET
        return self.mask(written), ""

    def diagnosis(self, call: Call) -> str:
        """What a call of `finish` says; empty of another, or of one that cannot be read."""
        if call.name != FINISH or call.problem:
            return ""
        found = read_object(call.arguments) or {}
        said: object = found.get("diagnosis")
        text = clean(said) if isinstance(said, str) else ""
        return head_and_tail(text.strip(), _LONGEST_SAID)
