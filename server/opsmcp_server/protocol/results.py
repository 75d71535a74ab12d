"""Tools to MCP: definitions, results of runs, and the one place that translates errors.

Expected errors become tool results that say what to change. Everything unexpected is logged with
its traceback under an id, and the client gets a neutral sentence with that id.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from mcp_types.version import is_version_at_least

from opsmcp_pipelines.errors import SourceError
from opsmcp_server.calls.answer import Detail, run_data, run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Hints, JsonObject, Principal, Tool
from opsmcp_tools.phrases.tool_names import LIST_RUNS

__all__ = [
    "STRUCTURED",
    "EFFECT",
    "NOT_KNOWN",
    "Context",
    "annotations",
    "guarded",
    "readable",
    "answer_run",
    "text_result",
    "to_mcp_tool",
    "translate",
]

logger = logging.getLogger(__name__)

STRUCTURED = "opsmcp/structured"
"""The key in `_meta` by which a call asks for structured content beside the text."""

EFFECT, NOT_KNOWN = "opsmcp/effect", "not known"
"""Key and value in `_meta` of a tool of which nothing says whether it changes something.

The hints of the protocol cannot say so: they assume the worst of it.
"""

Context = ServerRequestContext[Any, Any]
ParamsT = TypeVar("ParamsT")
ResultT = TypeVar("ResultT")


def to_mcp_tool(tool: Tool, output_schema: JsonObject | None = None) -> types.Tool:
    """The definition of a tool as clients list it, with the schema of its results if it has one."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=output_schema,
        annotations=annotations(tool.title, tool.hints),
        _meta=None if tool.hints.known else {EFFECT: NOT_KNOWN},
    )


def annotations(title: str, hints: Hints) -> types.ToolAnnotations:
    """Every hint is given: clients take a missing one for the worst."""
    return types.ToolAnnotations(
        title=title,
        read_only_hint=hints.read_only,
        destructive_hint=hints.destructive,
        idempotent_hint=hints.idempotent,
        open_world_hint=hints.open_world,
    )


async def answer_run(
    context: CallContext,
    record: RunRecord,
    principal: Principal,
    *,
    tokens: int | None = None,
    data: Detail | None = None,
) -> types.CallToolResult:
    """The result of a call that ended in this run.

    Args:
        context: The parts of opsmcp.
        record: The run.
        principal: Who asked.
        tokens: About how many the text may take; None means as the settings want.
        data: How much the structured result holds; None when only the text was asked for.
    """
    text = await run_text(context, record, principal, tokens)
    if data is None:
        return _run_result(record, text)
    return _run_result(record, text, await run_data(context, record, principal, text, data))


def _run_result(
    record: RunRecord, text: str, data: JsonObject | None = None
) -> types.CallToolResult:
    """The answer of a call: short text, a link to the whole output, and data if it was asked for.

    Only then: some clients show their model the data in place of the text.
    """
    link = types.ResourceLink(
        name=f"output of {record.run}",
        uri=f"ops://runs/{record.run}/output",
        description="The whole output of this run.",
        mime_type="text/plain",
    )
    return types.CallToolResult(
        content=[types.TextContent(text=text), link],
        structured_content=data,
        is_error=not record.verdict.good,
    )


def readable(result: ResultT, version: str) -> ResultT:
    """The result without what clients of that protocol version cannot read.

    They may pass over keys that they do not know, but not over kinds of content: one link, and the
    whole result is an error to them. Links came with 2025-06-18.
    """
    if not isinstance(result, types.CallToolResult) or is_version_at_least(version, "2025-06-18"):
        return result
    kept = [part for part in result.content if not isinstance(part, types.ResourceLink)]
    return result.model_copy(update={"content": kept})


def text_result(
    text: str, data: JsonObject | None = None, *, is_error: bool = False
) -> types.CallToolResult:
    """A result that is not a run."""
    return types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=data, is_error=is_error
    )


def translate(error: Exception, masker: Masker) -> types.CallToolResult:
    """The tool result that stands for an error. Logs what nobody expected."""
    if isinstance(error, ToolError | SourceError):
        return text_result(masker.text(str(error)), is_error=True)
    return text_result(
        f"{_report(error)} If the call started a run, {LIST_RUNS} shows it.", is_error=True
    )


def guarded(
    handler: Callable[[Context, ParamsT], Awaitable[ResultT]], masker: Masker
) -> Callable[[Context, ParamsT], Awaitable[ResultT]]:
    """A handler whose errors are protocol errors with words of ours: the SDK would show its own."""

    async def guard(ctx: Context, params: ParamsT) -> ResultT:
        try:
            return await handler(ctx, params)
        except MCPError as error:
            raise MCPError(error.code, masker.text(error.message), error.data) from None
        except (ToolUnavailable, SourceError) as error:
            # Nothing is wrong with the request: later it may be answered.
            raise MCPError(INTERNAL_ERROR, masker.text(str(error))) from None
        except ToolError as error:
            raise MCPError(INVALID_PARAMS, masker.text(str(error))) from None
        except Exception as error:  # noqa: BLE001 - the border: what escapes here leaks to clients
            raise MCPError(INTERNAL_ERROR, _report(error)) from None

    return guard


def _report(error: Exception) -> str:
    number = secrets.token_hex(4)
    logger.error("internal error %s", number, exc_info=error)
    return f"opsmcp failed on this request; its log tells more under the id {number}."
