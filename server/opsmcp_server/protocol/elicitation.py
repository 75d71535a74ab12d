"""Asking the person at the client before something is changed, in both protocol eras.

Older connections are asked with `elicitation/create` while the call waits. On 2026-07-28 the call
is answered with `input_required` and sent again with the answer; the SDK seals the state that goes
along (bound to tool, arguments and principal), and the nonce in it counts once, in the process that
asked. An answer without a state of ours, or with one of another process, proves nothing: it is
asked again.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from opsmcp_server.protocol.sdk_gaps import connection_of
from opsmcp_tools.model.errors import ConsentNeeded

if TYPE_CHECKING:
    from opsmcp_server.calls.prepare import Question

__all__ = ["UNREADABLE_ANSWER", "Answer", "Consent"]

_KEY = "consent"
_PERSON_SECONDS = 0.7
"""A refusal that comes faster than this was perhaps no person's. It is a refusal still."""

_MOST_QUESTIONS = 1024
_MOST_QUESTIONS_OF_ONE = 64
"""Of one principal, or of one connection of the older era: nobody pushes out, or holds up, others.

Whoever shares a token is one principal, so there calls that wait are counted by connection.
"""

_LONGEST_QUESTION = 16_000
"""Characters that a person can be expected to read, and a client to show, before they agree."""

_GONE = frozenset({CONNECTION_CLOSED, REQUEST_TIMEOUT})
_UNABLE = frozenset({INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND})
"""How clients say that they know no such question (specification, client/elicitation)."""

UNREADABLE_ANSWER = -32099
"""The code of the error that stands for an answer of a client that is none."""

_SCHEMA: types.ElicitRequestedSchema = {"type": "object", "properties": {}}
"""Nothing to fill in: to accept the question is to agree to it."""


class Answer(Enum):
    """What came of asking."""

    AGREED = auto()
    AGREED_BEFORE = auto()
    """This very answer was taken already: good for the run that it started, and for no other."""
    DECLINED = auto()
    DISMISSED = auto()
    """The person closed the question without an answer."""
    REFUSED_UNREAD = auto()
    """Declined or dismissed faster than anybody reads: perhaps by the client itself."""
    UNREADABLE = auto()
    """The client answered with something that is no answer."""
    EXPIRED = auto()
    """Somebody was asked, and nobody answered in time."""
    COULD_NOT_ASK = auto()


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that waits for its answer, who was asked, and when."""

    question: "Question"
    principal: str
    asked_at: float


@dataclass
class Consent:
    """Asks, and remembers the questions that are still open for `wait_seconds`."""

    wait_seconds: float
    monotonic: Callable[[], float]
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])
    _agreed: dict[str, _Open] = field(default_factory=dict[str, _Open])
    _asking: Counter[int] = field(default_factory=Counter[int])

    async def ask(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: types.CallToolRequestParams,
        question: "Question",
        principal: str,
        on_ask: Callable[[], None] = lambda: None,
    ) -> Answer | types.InputRequiredResult:
        """Ask `principal` whether to start what `question` describes.

        `on_ask` is called before a person is asked while the call waits.

        Returns:
            The answer, or the result to send so that the client asks and calls again.

        Raises:
            ConsentNeeded: The connection has too many questions open, or this one is too long.
        """
        if not _can_ask(ctx):
            return Answer.COULD_NOT_ASK
        _check_length(question)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._ask_by_result(params, question, principal)
        connection = connection_of(ctx.session)
        if self._asking[connection] >= _MOST_QUESTIONS_OF_ONE:
            raise ConsentNeeded("Too many of your calls wait for an answer. Call again later.")
        self._asking[connection] += 1
        on_ask()
        try:
            return await self._ask_by_request(ctx, question)
        finally:
            self._asking[connection] -= 1
            self._asking += Counter()  # Forgets whoever has no question open.

    def _ask_by_result(
        self, params: types.CallToolRequestParams, question: "Question", principal: str
    ) -> Answer | types.InputRequiredResult:
        reply, nonce = (params.input_responses or {}).get(_KEY), params.request_state or ""
        known = self._open.pop(nonce, None)
        asked = known or self._agreed.get(nonce)
        if asked is None or not isinstance(reply, types.ElicitResult):
            return self.ask_anew(question, principal)
        seconds = self.monotonic() - asked.asked_at
        # What was asked must still be what would be done: targets and scripts can have changed.
        same = (asked.question, asked.principal) == (question, principal)
        if seconds > self.wait_seconds or not same:
            return self.ask_anew(question, principal)
        answer = _judge(reply, seconds)
        if answer is not Answer.AGREED:
            return answer
        if known is None:
            return Answer.AGREED_BEFORE
        _make_room(self._agreed, principal)
        self._agreed[nonce] = asked
        return answer

    async def _ask_by_request(
        self, ctx: ServerRequestContext[Any, Any], question: "Question"
    ) -> Answer:
        asked_at = self.monotonic()
        try:
            with anyio.fail_after(self.wait_seconds):
                # Without the related request the question would go to a stream that few open.
                reply = await ctx.session.elicit_form(
                    question.text, _SCHEMA, related_request_id=ctx.request_id
                )
        except TimeoutError:
            return Answer.EXPIRED
        except MCPError as error:
            if error.code == UNREADABLE_ANSWER:
                return Answer.UNREADABLE
            return _judge_error(error.code)
        except ValidationError:
            return Answer.UNREADABLE
        seconds = self.monotonic() - asked_at
        return Answer.EXPIRED if seconds > self.wait_seconds else _judge(reply, seconds)

    def ask_anew(self, question: "Question", principal: str) -> types.InputRequiredResult:
        """The result that asks, whatever was answered before."""
        nonce = secrets.token_urlsafe(16)
        _make_room(self._open, principal)
        self._open[nonce] = _Open(question, principal, self.monotonic())
        form = types.ElicitRequestFormParams(message=question.text, requested_schema=_SCHEMA)
        return types.InputRequiredResult(
            input_requests={_KEY: types.ElicitRequest(params=form)}, request_state=nonce
        )


def _make_room(asked: dict[str, _Open], principal: str) -> None:
    """Drop the oldest of the principal's own questions if there are many, else the oldest."""
    own = [nonce for nonce, one in asked.items() if one.principal == principal]
    if len(own) >= _MOST_QUESTIONS_OF_ONE:
        del asked[own[0]]
    elif len(asked) >= _MOST_QUESTIONS:
        del asked[next(iter(asked))]


def _check_length(question: "Question") -> None:
    length = len(question.text)
    if length > _LONGEST_QUESTION:
        raise ConsentNeeded(
            f"A person has to agree, and the question with all its arguments is {length:,} "
            f"characters long; at most {_LONGEST_QUESTION:,} can be shown. It was not started. "
            "Call with shorter arguments."
        )


def _can_ask(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None:
        return False
    # An empty declaration means forms; one that names only URLs does not.
    return elicitation.form is not None or elicitation.url is None


def _judge_error(code: int) -> Answer:
    # A client that went away was asked: it must not count as one that asks by itself.
    if code in _GONE:
        return Answer.EXPIRED
    return Answer.COULD_NOT_ASK if code in _UNABLE else Answer.UNREADABLE


def _judge(reply: types.ElicitResult, seconds: float) -> Answer:
    if reply.action == "accept":
        return Answer.AGREED
    if seconds < _PERSON_SECONDS:
        return Answer.REFUSED_UNREAD
    return Answer.DISMISSED if reply.action == "cancel" else Answer.DECLINED
