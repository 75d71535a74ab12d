"""The model's endpoint: any that speaks the Chat Completions API of OpenAI, with streaming.

The client library repeats a request that was refused for load (429 with its Retry-After, 5xx, no
connection); what is left comes out here as one line that says what to set. The answer is untrusted:
nothing of it is taken on faith. Knows nothing of tools beyond their definitions.
"""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, cast
from urllib.parse import urlsplit

import anyio
import httpx2
import openai

from opsmcp_server.copilot.base.errors import (
    ContextOverflow,
    CopilotError,
    EndpointFailed,
    EndpointRefused,
    NoToolCalling,
    StreamDropped,
    Unreachable,
)
from opsmcp_server.copilot.base.outcome import object_of, text_of
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm.reply import CallPiece, Piece
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["Endpoint", "EndpointSettings", "Message"]

logger = logging.getLogger(__name__)

Message = dict[str, Any]
"""One message as the API has it."""

_DEFAULT_BASE = "https://api.openai.com/v1"
_REPEATS = 2
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 120.0
"""Between two pieces; models that reason are silent for long."""

_LOGGED = 1_000
"""Characters of each message that a log shows."""

_LONGEST_ERROR = 64 * 1024
"""Characters of an endpoint's error that are read."""

_MOST_TOKENS = 10_000_000
"""Whoever says more does not count."""

_LINGER_SECONDS = 0.02
"""For the end of a stream after the end of the answer, which mostly comes with it."""

_OVERFLOW = ("context_length", "context length", "maximum context", "too many tokens", "too long")
_NO_TOOLS = ("tool", "function")
_UNSUPPORTED = ("support", "unknown", "unrecognized", "not permitted", "extra", "invalid param")


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the model is. `key` may be empty for an endpoint of one's own.

    `names` are what `base_name`, `key_name` and `model_name` are in messages: where each was set.
    """

    base: str
    key: str = field(repr=False)
    model: str
    names: Mapping[str, str]

    def checked(self, words: Words) -> "EndpointSettings":
        """The same, complete.

        Raises:
            EndpointRefused: Something is not set; says what.
        """
        if not self.base and not self.key:
            raise EndpointRefused(words("no-endpoint"))
        if not self.model:
            raise EndpointRefused(words("no-model"))
        base = self.base or _DEFAULT_BASE
        if urlsplit(base).path in ("", "/"):
            base = base.rstrip("/") + "/v1"
        return replace(self, base=base)


class Endpoint:
    """Asks the model while its block goes on; `model` may be changed between two questions."""

    def __init__(
        self,
        settings: EndpointSettings,
        words: Words,
        mask: Callable[[str], str],
        *,
        repeats: int = _REPEATS,
    ) -> None:
        """Talk to the endpoint of checked settings; `mask` cleans texts and masks secrets.

        A request that was refused for load, or reached nobody, is repeated so often.
        """
        self.model = settings.model
        self._base = mask(settings.base)
        self._words = partial(words, **settings.names)
        self._mask = mask
        self._client = openai.AsyncOpenAI(
            base_url=settings.base,
            api_key=settings.key or "none",
            max_retries=repeats,
            timeout=httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        """Itself; nothing is connected before the first question."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the connections back."""
        # Also when the block was cancelled: a client that is only dropped gives its connections
        # back in whatever event loop runs when it is collected.
        with anyio.CancelScope(shield=True):
            await self._client.close()

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[Message]
    ) -> AsyncGenerator[Piece]:
        """The pieces of the model's answer, as they come; the last one has `finish`.

        Raises:
            CopilotError: There is no answer, or it broke off.
        """
        options: dict[str, Any] = {"tools": list(tools)} if tools else {}
        self._log(messages, tools)
        begun = False
        try:
            chunks = await self._client.chat.completions.create(
                model=self.model, messages=cast("Any", list(messages)), stream=True, **options
            )
            async with aclosing(_pieces(chunks)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
                    if piece.finish:
                        yield Piece(tokens=await _read_on(pieces))
                        return
        except (openai.APIError, httpx2.HTTPError, ValueError, TypeError, AttributeError) as error:
            raise self._translate(error, begun=begun, with_tools=bool(tools)) from error
        raise StreamDropped(self._words("dropped" if begun else "not-understood", base=self._base))

    def _log(self, messages: Sequence[Message], tools: Sequence[Message]) -> None:
        logger.debug("sent to %s: %d messages, %d tools", self.model, len(messages), len(tools))
        if logger.isEnabledFor(logging.DEBUG):
            for one in _news(messages):
                logger.debug("sent: %s: %s", one["role"], label(str(one["content"]), _LOGGED))

    def _translate(self, error: Exception, *, begun: bool, with_tools: bool) -> CopilotError:
        logger.debug("the endpoint's error: %s", type(error).__name__)
        if isinstance(error, openai.APIStatusError):
            return self._refusal(error, with_tools=with_tools)
        if isinstance(error, openai.APIError) and _says(error, _OVERFLOW):
            return ContextOverflow(self._words("overflow", model=self.model))
        if begun:
            return StreamDropped(self._words("dropped"))
        if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
            return Unreachable(self._words("too-slow", base=self._base))
        if isinstance(error, openai.APIConnectionError | httpx2.TransportError):
            return Unreachable(self._words("unreachable", base=self._base))
        return EndpointFailed(self._words("not-understood", base=self._base))

    def _refusal(self, error: openai.APIStatusError, *, with_tools: bool) -> CopilotError:
        status, words, base = error.status_code, self._words, self._base
        if status in (400, 413, 422) and _says(error, _OVERFLOW):
            return ContextOverflow(words("overflow", model=self.model))
        if with_tools and status in (400, 404, 422, 501) and _is_about_tools(error):
            return NoToolCalling(words("no-tools", model=self.model))
        if status in (401, 403):
            return EndpointRefused(words("bad-key", base=base))
        if status == 404:
            return EndpointRefused(words("no-such-model", base=base, model=self.model))
        if status == 429:
            return EndpointFailed(words("busy", base=base))
        if status >= 500:
            return EndpointFailed(words("failed", base=base, status=status))
        # Masked before it is cut: of a secret that is cut the rest would stay.
        text = clean_line(self._mask(_message(error)), 200)
        return EndpointRefused(words("rejected", base=base, status=status, text=text))


def _news(messages: Sequence[Message]) -> Sequence[Message]:
    """What the model has not seen: all after its own last words."""
    own = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    return messages[own[-1] + 1 :] if own else messages[1:]


async def _pieces(chunks: Any) -> AsyncGenerator[Piece]:
    try:
        async for chunk in chunks:
            for choice in (chunk.choices or ())[:1]:
                yield _piece(choice)
            if tokens := _tokens(chunk):
                yield Piece(tokens=tokens)
    finally:
        await chunks.close()


async def _read_on(pieces: AsyncGenerator[Piece]) -> int:
    """Read what still comes, so that the connection can be used again; some keep it open.

    Returns:
        What it cost, if that is said there.
    """
    tokens = 0
    with anyio.move_on_after(_LINGER_SECONDS), suppress(openai.APIError, httpx2.HTTPError):
        async for piece in pieces:
            tokens = piece.tokens or tokens
    return tokens


def _tokens(chunk: Any) -> int:
    """What question and answer cost, if the chunk says so."""
    said: object = getattr(getattr(chunk, "usage", None), "total_tokens", None)
    return said if type(said) is int and 0 < said <= _MOST_TOKENS else 0


def _piece(choice: Any) -> Piece:
    delta = choice.delta
    return Piece(
        text=text_of(getattr(delta, "content", None)),
        refusal=text_of(getattr(delta, "refusal", None)),
        calls=tuple(map(_call, getattr(delta, "tool_calls", None) or ())),
        finish=str(choice.finish_reason or ""),
    )


def _call(call: Any) -> CallPiece:
    function = call.function
    arguments: object = getattr(function, "arguments", None)
    return CallPiece(
        index=call.index if isinstance(call.index, int) else None,
        call_id=text_of(call.id),
        name=text_of(getattr(function, "name", None)),
        # Some endpoints give the object itself.
        arguments=json.dumps(arguments) if isinstance(arguments, dict) else text_of(arguments),
    )


def _message(error: openai.APIError) -> str:
    body = object_of(error.body)
    text = text_of(body.get("message")) or (json.dumps(body) if body else text_of(error.body))
    return text[:_LONGEST_ERROR] or "no reason"


def _says(error: openai.APIError, phrases: Sequence[str]) -> bool:
    said = f"{text_of(error.code)} {_message(error)}".lower()
    return any(phrase in said for phrase in phrases)


def _is_about_tools(error: openai.APIError) -> bool:
    return _says(error, _NO_TOOLS) and _says(error, _UNSUPPORTED)
