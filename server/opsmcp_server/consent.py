"""Asking the person at the client before something is changed, in both protocol eras.

Older connections are asked with `elicitation/create` while the call waits. On 2026-07-28 the call
is answered with `input_required` and sent again with the answer; the SDK seals the state that goes
along (bound to tool, arguments and principal), and the nonce in it counts once, in the process that
asked. An answer without a state of ours, or with one of another process, proves nothing: it is
asked again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

__all__ = ["Answer", "Consent"]

_KEY = "consent"
_PERSON_SECONDS = 0.7
"""A refusal that comes faster than this was not read by a person."""

_MOST_QUESTIONS = 1024

_SCHEMA: types.ElicitRequestedSchema = {
    "type": "object",
    "properties": {
        "agree": {"type": "boolean", "title": "Run it", "description": "Start this run now."}
    },
    "required": ["agree"],
}


class Answer(Enum):
    """What came of asking."""

    AGREED = auto()
    DECLINED = auto()
    COULD_NOT_ASK = auto()


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that waits for its answer, and when it was asked."""

    question: str
    asked_at: float


@dataclass
class Consent:
    """Asks, and remembers the questions that are still open for `wait_seconds`."""

    wait_seconds: float
    monotonic: Callable[[], float]
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])

    async def ask(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: types.CallToolRequestParams,
        question: str,
    ) -> Answer | types.InputRequiredResult:
        """Ask whether to start what `question` describes.

        Returns:
            The answer, or the result to send so that the client asks and calls again.
        """
        if not _can_ask(ctx):
            return Answer.COULD_NOT_ASK
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._ask_by_result(params, question)
        return await self._ask_by_request(ctx, question)

    def _ask_by_result(
        self, params: types.CallToolRequestParams, question: str
    ) -> Answer | types.InputRequiredResult:
        given = (params.input_responses or {}).get(_KEY)
        asked = self._open.pop(params.request_state or "", None)
        if asked is None or not isinstance(given, types.ElicitResult):
            return self._question(question)
        seconds = self.monotonic() - asked.asked_at
        # What was asked must still be what would be done: targets and words can have changed.
        if seconds > self.wait_seconds or asked.question != question:
            return self._question(question)
        return _judge(given, seconds)

    async def _ask_by_request(self, ctx: ServerRequestContext[Any, Any], question: str) -> Answer:
        asked_at = self.monotonic()
        try:
            with anyio.fail_after(self.wait_seconds):
                # Without the related request the question would go to a stream that few open.
                given = await ctx.session.elicit_form(
                    question, _SCHEMA, related_request_id=ctx.request_id
                )
        except (MCPError, TimeoutError):
            return Answer.COULD_NOT_ASK
        return _judge(given, self.monotonic() - asked_at)

    def _question(self, question: str) -> types.InputRequiredResult:
        nonce = secrets.token_urlsafe(16)
        while len(self._open) >= _MOST_QUESTIONS:
            self._open.pop(next(iter(self._open)))
        self._open[nonce] = _Open(question, self.monotonic())
        form = types.ElicitRequestFormParams(message=question, requested_schema=_SCHEMA)
        return types.InputRequiredResult(
            input_requests={_KEY: types.ElicitRequest(params=form)}, request_state=nonce
        )


def _can_ask(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None:
        return False
    # An empty declaration means forms; one that names only URLs does not.
    return elicitation.form is not None or elicitation.url is None


def _judge(given: types.ElicitResult, seconds: float) -> Answer:
    if given.action == "accept" and (given.content or {}).get("agree") is True:
        return Answer.AGREED
    return Answer.DECLINED if seconds >= _PERSON_SECONDS else Answer.COULD_NOT_ASK
