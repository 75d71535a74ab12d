"""Answering: a run as the text that a caller gets, for MCP and for the command line alike.

Joins what the summary needs from elsewhere: the settings, the last good run, the tools that advice
may name, and the model that may write the words. The verdict line is always ours.
"""

import logging
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

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

__all__ = ["answer_run", "run_data", "run_headline", "run_text"]

logger = logging.getLogger(__name__)


async def answer_run(
    services: Services, record: RunRecord, principal: Principal, tokens: int | None = None
) -> types.CallToolResult:
    """The result of a call that ended in this run."""
    text = await run_text(services, record, principal, tokens)
    find = _finder(services, principal)
    work = partial(_words().structured, record, find, services.config.tools.language)
    return run_result(record, text, await anyio.to_thread.run_sync(work))


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


def run_data(services: Services, record: RunRecord) -> JsonObject:
    """The structured result of a run."""
    return _words().structured(record, language=services.config.tools.language)


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
