"""The calls in a reply of the model: read, found, made, and answered with a text each.

Calls that only read are made at once; the rest waits its turn. What the model wrote is not taken on
faith: bad JSON, unknown names and endless repetition are answered in words that it can act on. A
call that cannot be made is shown to the person, too: the model may speak as if it had been.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio

from opsmcp_server.calls.fence_marks import new_mark
from opsmcp_server.copilot.base.outcome import Outcome, object_of, text_of
from opsmcp_server.copilot.calls.caller import Caller
from opsmcp_server.copilot.llm.client import Message
from opsmcp_server.copilot.llm.json_text import read_object
from opsmcp_server.copilot.llm.reply import ModelCall, Reply
from opsmcp_server.copilot.llm.requests import Turn
from opsmcp_server.copilot.servers.tools import Offered, find
from opsmcp_tools.safe_text.cleaning import fence, head_and_tail, label

__all__ = ["Dispatch"]

_LONGEST_RESULT = 16_000
_MOST_REPEATS = 2

_NOT_BEGUN = "Everything was stopped before the turn of this call came. It was not started."
_CUT = "Your reply was cut before its end, so none of its calls was made. Call again, with less."
_BAD_ARGUMENTS = (
    "The arguments are not one whole JSON object, so the call was not made. Call again with one."
)
_NOT_AGAIN = "This call was made again and again. It was not made this time."
_CHANGED = "The person changed the arguments of this call. What follows is about it with these:"

_FIND, _CALL = "find_tools", "call_found_tool"
"""The two tools that stand for all, under names that no other tool has got."""

_MOST_FOUND = 8

_Notify = Callable[[str], None]
"""Takes the result of a call, for the model."""


class _NotMade(Exception):
    """A call that cannot be made: `key` says so to the person, `result` to the model."""

    def __init__(self, key: str, tool: str, result: str) -> None:
        """Name the tool as the model did."""
        super().__init__(result)
        self.key, self.tool, self.result = key, label(tool), result


class _Repeated(_NotMade):
    """The model makes the same call again and again."""


@dataclass
class Dispatch:
    """Makes the model's calls. Above `most_tools` operations it offers a search in their place."""

    caller: Caller
    most_tools: int

    def definitions(self) -> list[Message]:
        """The tools as the model is offered them."""
        tools = self.caller.hub.tools.values()
        if not self._searches:
            return [tool.definition() for tool in tools]
        return [*(tool.definition() for tool in tools if tool.built_in), *_SEARCH]

    @property
    def _searches(self) -> bool:
        return len(self.caller.hub.operations) > self.most_tools

    async def make(self, turn: Turn, reply: Reply) -> str:
        """Make the calls of a reply; the turn has a result for each, whatever happens.

        Returns:
            The tool that was called too often, and not this time; else empty.
        """
        calls = reply.calls
        texts = [_NOT_BEGUN] * len(calls)
        repeated: list[str] = []
        turn.falls_short = False

        async def one(place: int, call: ModelCall) -> None:
            def notify(text: str) -> None:
                texts[place] = text

            try:
                await self._one(turn, call, notify, cut=reply.cuts(call))
            except _Repeated as error:
                notify(error.result)
                repeated.append(error.tool)
            except _NotMade as error:
                notify(error.result)
                turn.falls_short = True
                self.caller.view.note(self.caller.words(error.key, tool=error.tool))

        try:
            async with anyio.create_task_group() as group:
                for place, call in enumerate(calls):
                    group.start_soon(one, place, call)
        finally:
            turn.results(calls, texts)
        return "".join(repeated[:1])

    async def _one(self, turn: Turn, call: ModelCall, notify: _Notify, *, cut: bool) -> None:
        """Make one call; what comes of it is told also when the wait for it is broken off."""
        if cut:
            raise _NotMade("cut-call", call.name, _CUT)
        name, arguments = call.name, read_object(call.arguments)
        if self._searches and name == _CALL and arguments is not None:
            name, arguments = text_of(arguments.get("name")), _inner(arguments.get("arguments"))
        if arguments is None:
            raise _NotMade("bad-arguments", name, _BAD_ARGUMENTS)
        if self._searches and name == _FIND:
            notify(self._find(text_of(arguments.get("query"))))
            return
        offered = self.caller.hub.find(name)
        if offered is None:
            raise _NotMade("unknown-tool", name, self._unknown(name))
        await self._call(turn, offered, arguments, notify)

    async def _call(
        self, turn: Turn, offered: Offered, arguments: dict[str, Any], notify: _Notify
    ) -> None:
        own, often = offered.built_in, turn.count(offered.name, arguments) > _MOST_REPEATS
        if often and not (own and own.is_polled):
            raise _Repeated("repeated", offered.tool.name, _NOT_AGAIN)
        outcome = await self.caller.call(
            offered, arguments, on_left=lambda left: notify(_result(left))
        )
        notify(_result(outcome))
        if outcome.verdict or own is None or offered.runs_another:
            turn.status = 0 if outcome.good else 1

    def _unknown(self, name: str) -> str:
        near = ", ".join(tool.name for tool in find(self.caller.hub.tools.values(), name, 3))
        return f"There is no tool {label(name)!r}." + (f" Perhaps: {near}." if near else "")

    def _find(self, query: str) -> str:
        found = find(self.caller.hub.operations, query, _MOST_FOUND)
        shown = [tool.definition()["function"] for tool in found]
        return json.dumps(shown, ensure_ascii=False) if shown else "No tool fits these words."


def _definition(name: str, description: str, properties: Message) -> Message:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


_TEXT: Message = {"type": "string"}
_ARGUMENTS: Message = {"type": "object", "description": "As the tool's own schema wants them."}
_NAMED = {"name": _TEXT, "arguments": _ARGUMENTS}
_SEARCH = (
    _definition(_FIND, "Find tools by words; answers with their schemas.", {"query": _TEXT}),
    _definition(_CALL, "Call a tool that find_tools found.", _NAMED),
)


def _inner(value: object) -> dict[str, Any] | None:
    """The arguments within those of a call, which some models write as a text."""
    if isinstance(value, str):
        return read_object(value)
    found = object_of(value)
    return found if found or value is None or value == {} else None


def _result(outcome: Outcome) -> str:
    """What came of a call, as the model reads it."""
    text = fence(head_and_tail(outcome.text, _LONGEST_RESULT), new_mark(), "output of a tool")
    if outcome.changed is None:
        return text
    changed = json.dumps(outcome.changed, ensure_ascii=False)
    return f"{_CHANGED} {head_and_tail(changed, _LONGEST_RESULT)}\n{text}"
