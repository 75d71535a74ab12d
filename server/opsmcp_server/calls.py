"""From a name and arguments to a run: the one way, for MCP calls and for the command line.

`prepare` finds the tool, asks policy and checks the arguments; `execute` starts the run and waits.
Between the two, whoever called asks a person where policy wants that.
"""

import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from opsmcp_server.services import Services
from opsmcp_tools.arguments import CheckedCall, check_arguments
from opsmcp_tools.errors import NotAllowed, ToolUnavailable, UnknownTool
from opsmcp_tools.policy import Action, Decision, Effect
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.tool import Principal, Tool
from opsmcp_tools.toolbox import Toolbox

__all__ = [
    "OnProgress",
    "Prepared",
    "command_line",
    "execute",
    "find_tool",
    "prepare",
    "question",
]

OnProgress = Callable[[RunRecord], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that may be started, once a person agreed where `needs_consent` says so."""

    tool: Tool
    call: CheckedCall
    principal: Principal
    decision: Decision

    @property
    def needs_consent(self) -> bool:
        """Whether a person has to agree first."""
        return self.decision.effect is Effect.CONFIRM


async def find_tool(services: Services, name: str, principal: Principal) -> Tool:
    """The tool of that name, if this principal may know of it.

    Raises:
        ToolUnavailable: The catalogue was never read, or the tool is withheld or gone.
        UnknownTool: There is and was no such tool.
    """
    toolbox = await services.current_toolbox()
    tool = toolbox.find(name)
    if tool is not None and _may_list(services, tool, principal):
        return tool
    raise _missing(services, toolbox, name)


def _may_list(services: Services, tool: Tool, principal: Principal) -> bool:
    return services.policy.decide(principal, Action.LIST, tool).effect is not Effect.DENY


def _missing(services: Services, toolbox: Toolbox, name: str) -> Exception:
    withheld = next((item for item in toolbox.withheld if item.operation == name), None)
    if withheld is not None:
        return ToolUnavailable(f"{name} is withheld: {withheld.reason}.")
    hidden = toolbox.find(name)
    if hidden is not None:
        return NotAllowed(f"Policy does not allow {name}.")
    near = toolbox.nearest(name)
    hint = f" The nearest names are {', '.join(near)}." if near else ""
    if services.was_listed(name):
        return ToolUnavailable(f"{name} is gone: {services.source.label} has it no more.{hint}")
    return UnknownTool(f"There is no tool {name!r}.{hint}")


async def prepare(
    services: Services, name: str, arguments: Mapping[str, object], principal: Principal
) -> Prepared:
    """Find, check and decide. Starts nothing.

    Raises:
        ToolError: With what to change.
    """
    tool = await find_tool(services, name, principal)
    call = check_arguments(tool, arguments, principal)
    decision = services.policy.decide(principal, Action.RUN, tool, call.arguments)
    if decision.effect is Effect.DENY:
        raise NotAllowed(f"{tool.name} was not started: {decision.reason}")
    if decision.effect is Effect.APPROVE:
        raise NotAllowed(f"{tool.name} needs somebody else's approval, which is not available yet.")
    return Prepared(tool, call, principal, decision)


def question(prepared: Prepared) -> str:
    """What a person is asked: operation, what it changes, and with which arguments."""
    tool, given = prepared.tool, prepared.call.arguments
    lines = [f"Run {tool.title} ({tool.name})?", tool.description]
    lines += [f"  {name} = {value}" for name, value in given.items()]
    if tool.hints.destructive:
        lines.append("This can destroy or interrupt something.")
    return "\n".join(lines)


def command_line(prepared: Prepared) -> str:
    """The command that makes the same call in a terminal."""
    given = [f"{name}={value}" for name, value in prepared.call.arguments.items()]
    return shlex.join(["opsmcp", "call", prepared.tool.name, *given])


async def execute(
    services: Services,
    prepared: Prepared,
    *,
    wait_seconds: float,
    on_progress: OnProgress | None = None,
) -> RunRecord:
    """Start the run, once, and wait for its end for at most `wait_seconds`."""
    executions = services.executions
    record = await executions.start(prepared.tool, prepared.call, prepared.principal)
    if on_progress is not None and not record.ended:
        await on_progress(record)
    return await executions.wait(record.run, wait_seconds, on_progress)
