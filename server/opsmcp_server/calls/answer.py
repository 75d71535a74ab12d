"""Answering: a run as the text that a caller gets, for MCP and for the command line alike.

Joins what the summary needs from elsewhere: the settings, the last good run, the tools that advice
may name, and the model that may write the words. The verdict line is always ours.
"""

import logging
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Literal

import anyio

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.llm_summary import LlmSummaryFailed, Model, summarise_with_llm
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.results.advice import FindTool
from opsmcp_tools.results.next_step_syntax import CALLS, NextStepSyntax

__all__ = ["Detail", "run_data", "run_headline", "run_text"]

logger = logging.getLogger(__name__)

Detail = Literal["summary", "steps"]
"""How much of a run its structured result holds."""


async def run_text(
    context: CallContext,
    record: RunRecord,
    principal: Principal,
    tokens: int | None = None,
    syntax: NextStepSyntax = CALLS,
) -> str:
    """The text of a run, in about `tokens` at most; None means as the settings want."""
    most = tokens or context.config.result.tokens
    find = _finder(context, principal)
    mark = context.new_mark()
    language = context.config.tools.language
    summarise = partial(_words().summarise, mark=mark, tokens=most, find=find, language=language)

    def compare() -> str:
        before = context.executions.history.last_good(record) if record.ended else None
        return summarise(record, before=before, syntax=syntax)

    # In a thread: outputs may be long, and others are waiting.
    plain = await anyio.to_thread.run_sync(compare)
    if not (record.ended and _wants_model(context, record)):
        return plain
    try:
        wrap_generated = partial(
            _words().wrap_generated, record, find=find, language=language, syntax=syntax
        )
        return await _llm_summary(context, record, plain, most, wrap_generated)
    except LlmSummaryFailed as error:
        logger.warning("run %s is summarised without the model: %s", record.run, error)
        return plain


async def run_data(
    context: CallContext,
    record: RunRecord,
    principal: Principal,
    text: str,
    detail: Detail = "steps",
    syntax: NextStepSyntax = CALLS,
) -> JsonObject:
    """The structured result of a run whose text is `text`."""
    from opsmcp_tools.results.structured import structured

    work = partial(
        structured,
        record,
        text,
        mark=context.new_mark(),
        steps=detail == "steps",
        find=_finder(context, principal),
        language=context.config.tools.language,
        syntax=syntax,
    )
    # In a thread, as always with outputs: they may be long, and others are waiting.
    return await anyio.to_thread.run_sync(work)


def run_headline(context: CallContext, record: RunRecord) -> str:
    """The verdict line of a run that is over."""
    return _words().headline(record, context.config.tools.language)


def _words():
    """What makes words of runs: imported with the first, since most starts only need a list."""
    from opsmcp_tools.results import summary

    return summary


def _finder(context: CallContext, principal: Principal) -> FindTool:
    """The tools that this principal may know of."""

    def find(name: str) -> Tool | None:
        tool = context.tools.toolbox.find(name) if context.tools.toolbox else None
        if tool is None:
            return None
        denied = context.decide(principal, Action.LIST, tool).effect is Effect.DENY
        return None if denied else tool

    return find


def _wants_model(context: CallContext, record: RunRecord) -> bool:
    result = context.config.result
    named = any(fnmatchcase(record.tool, pattern) for pattern in result.llm_tools)
    return named or result.summary == "llm"


async def _llm_summary(
    context: CallContext,
    record: RunRecord,
    plain: str,
    most: int,
    wrap_generated: Callable[..., str],
) -> str:
    """What `wrap_generated` makes of the words that a model finds for `plain`."""
    openai, mask = context.config.openai, context.masker.text
    model = Model(
        base=openai.base,
        name=openai.model,
        key=openai.key.get_secret_value(),
        seconds=context.config.result.llm_seconds,
    )
    language = context.config.tools.language
    room = most * 2 // 3

    async def generate() -> str:
        return mask(await summarise_with_llm(model, mask(plain), tokens=room, language=language))

    return wrap_generated(
        await context.llm_summaries.of(record.run, room, generate),
        model=openai.model,
        mark=context.new_mark(),
    )
