"""Asks the model: the engine of the chat, with nobody who looks on, and an end to every wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from opsmcp_server.copilot.base.errors import CopilotError, EndpointRefused
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm.client import Endpoint
from opsmcp_server.copilot.llm.reply import Reply
from opsmcp_server.copilot.llm.requests import Prompt, Replies, Turn
from opsmcp_server.copilot.terminal.view import View
from opsmcp_tools.model.run_record import Clock
from opsmcp_tools.model.tool import JsonObject

__all__ = ["ANSWER_SECONDS", "Answer", "Model", "NoAnswer"]

ANSWER_SECONDS = 30.0
"""How long the model may take for one answer."""

_PAUSES = (1.0, 4.0)
"""Seconds before it is asked for the second and the third time."""

Message = Mapping[str, Any]


class NoAnswer(Exception):
    """The model could not be asked; says why, in words of ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered, what that cost, and the messages as they were sent.

    Those are shorter than before when the model could not read all of it.
    """

    reply: Reply
    tokens: int
    messages: tuple[Message, ...]


class Model:
    """The model of the settings."""

    def __init__(self, endpoint: Endpoint, words: Words, tool_calling: str, clock: Clock) -> None:
        """Ask at `endpoint`, which repeats nothing by itself."""
        self._replies = Replies(endpoint, View(), words, tool_calling)
        self._clock = clock

    async def answer(
        self,
        system: str,
        messages: Sequence[Message],
        tools: Sequence[JsonObject],
        seconds: float,
    ) -> Answer:
        """The model's answer, within so many seconds; asked for three times at most.

        Raises:
            NoAnswer: There is none.
        """
        until, why = self._clock.monotonic() + seconds, ""
        for pause in (*_PAUSES, None):
            turn = Turn([dict(one) for one in messages])
            try:
                with anyio.fail_after(min(ANSWER_SECONDS, until - self._clock.monotonic())):
                    reply = await self._replies.reply(turn, Prompt(system, [], tools))
                return Answer(reply, turn.tokens, tuple(turn.messages))
            except TimeoutError:
                why = f"it did not answer within {ANSWER_SECONDS:g} s"
            except EndpointRefused as error:
                raise NoAnswer(str(error)) from error
            except CopilotError as error:
                why = str(error)
            if pause is None or self._clock.monotonic() + pause > until:
                break
            await self._clock.sleep(pause)
        raise NoAnswer(why)
