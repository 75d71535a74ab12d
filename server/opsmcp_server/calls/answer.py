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
import mcp_types as types

from opsmcp_server.calls.llm_summary import Model, NarrationFailed, narrate
from opsmcp_server.calls.services import Services
from opsmcp_server.protocol.results import run_result
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.results.advice import FindTool
from opsmcp_tools.results.next_step_syntax import CALLS, Ways

__all__ = ["Detail", "answer_run", "run_data", "run_headline", "run_text"]

logger = logging.getLogger(__name__)

Detail = Literal["summary", "steps"]
"""How much of a run its structured result holds."""


async def answer_run(
    services: Services,
    record: RunRecord,
    principal: Principal,
    *,
    tokens: int | None = None,
    data: Detail | None = None,
) -> types.CallToolResult:
    """The result of a call that ended in this run.

    Args:
        services: The parts of opsmcp.
        record: The run.
        principal: Who asked.
        tokens: About how many the text may take; None means as the settings want.
        data: How much the structured result holds; None when only the text was asked for.
    """
    text = await run_text(services, record, principal, tokens)
    if data is None:
        return run_result(record, text)
    return run_result(record, text, await run_data(services, record, principal, text, data))


async def run_text(
    services: Services,
    record: RunRecord,
    principal: Principal,
    tokens: int | None = None,
    ways: Ways = CALLS,
) -> str:
    """The text of a run, in about `tokens` at most; None means as the settings want."""
    most = tokens or services.config.result.tokens
    find = _finder(services, principal)
    # In a thread: outputs may be long, and others are waiting.
    before = None
    if record.ended:
        before = await services.executions.history.last_good(record)
    mark = services.new_mark()
    language = services.config.tools.language
    summarise = partial(_words().summarise, mark=mark, tokens=most, before=before)
    work = partial(summarise, record, find=find, language=language, ways=ways)
    plain = await anyio.to_thread.run_sync(work)
    if not (record.ended and _wants_model(services, record)):
        return plain
    try:
        retold = partial(_words().retold, record, find=find, language=language, ways=ways)
        return await _narrated(services, record, plain, most, retold)
    except NarrationFailed as error:
        logger.warning("run %s is summarised without the model: %s", record.run, error)
        return plain


async def run_data(
    services: Services,
    record: RunRecord,
    principal: Principal,
    text: str,
    detail: Detail = "steps",
    ways: Ways = CALLS,
) -> JsonObject:
    """The structured result of a run whose text is `text`."""
    from opsmcp_tools.results.structured import structured

    work = partial(
        structured,
        record,
        text,
        mark=services.new_mark(),
        steps=detail == "steps",
        find=_finder(services, principal),
        language=services.config.tools.language,
        ways=ways,
    )
    # In a thread, as always with outputs: they may be long, and others are waiting.
    return await anyio.to_thread.run_sync(work)


def run_headline(services: Services, record: RunRecord) -> str:
    """The verdict line of a run that is over."""
    return _words().headline(record, services.config.tools.language)


def _words():
    """What makes words of runs: imported with the first, since most starts only need a list."""
    from opsmcp_tools.results import summary

    return summary


def _finder(services: Services, principal: Principal) -> FindTool:
    """The tools that this principal may know of."""

    def find(name: str) -> Tool | None:
        tool = services.toolbox.find(name) if services.toolbox else None
        if tool is None:
            return None
        denied = services.decide(principal, Action.LIST, tool).effect is Effect.DENY
        return None if denied else tool

    return find


def _wants_model(services: Services, record: RunRecord) -> bool:
    result = services.config.result
    named = any(fnmatchcase(record.tool, pattern) for pattern in result.llm_tools)
    return named or result.summary == "llm"


async def _narrated(
    services: Services, record: RunRecord, plain: str, most: int, retold: Callable[..., str]
) -> str:
    """What `retold` makes of the words that a model finds for `plain`."""
    openai, mask = services.config.openai, services.masker.text
    model = Model(
        base=openai.base,
        name=openai.model,
        key=openai.key.get_secret_value(),
        seconds=services.config.result.llm_seconds,
    )
    language = services.config.tools.language
    room = most * 2 // 3

    async def tell() -> str:
        return mask(await narrate(model, mask(plain), tokens=room, language=language))

    return retold(
        await services.narrations.of(record.run, room, tell),
        model=openai.model,
        mark=services.new_mark(),
    )
