"""The operations of responders: what is wrong with how the settings use them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from opsmcp_pipelines.models import COPILOT_LABEL, result_names
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.expression import SIGNAL, BadExpression, Condition, outcome_variables
from opsmcp_tools.incidents.responder import Agent, Check, Mode, Responder
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.tool import FREE_SCRIPT, Tool
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = [
    "MOST_OFFERED",
    "check_operations",
    "check_when_known",
    "expectation",
    "may_offer",
    "problems_of_use",
]

logger = logging.getLogger(__name__)

MOST_OFFERED = 100
"""So many operations a model can be offered at once."""


def expectation(check: Check, arguments: Iterable[str], tool: Tool) -> Condition:
    """What is expected of a run of this tool, as a condition.

    Raises:
        BadExpression: It names a result that the operation does not declare, or is none.
    """
    known = outcome_variables(result_names(tool.operation), arguments)
    return Condition(check.expect, {**SIGNAL, **known})


async def check_when_known(context: CallContext, check: Callable[[Toolbox], None]) -> None:
    """Check what the settings name against the operations, if those can be read."""
    try:
        check(await context.tools.current())
    except ToolUnavailable as error:
        # What is wrong then is found when it is used, and people are told.
        logger.warning("the operations that the settings name are not checked yet: %s", error)


def check_operations(responders: Iterable[Responder], toolbox: Toolbox) -> None:
    """Return if every operation of the responders is there, and takes what they give it.

    Raises:
        ConfigError: One is not as the settings need it.
    """
    for responder in responders:
        for problem in _problems(responder, toolbox):
            raise ConfigError(problem)


def _problems(responder: Responder, toolbox: Toolbox) -> Iterator[str]:
    if responder.mode is Mode.NOTIFY:
        return
    where = f"responders.{responder.name}"
    if responder.agent is not None:
        yield from _of_agent(f"{where}.agent", responder.agent, responder.where, toolbox)
    else:
        used = (responder.run, responder.arguments, responder.where)
        yield from problems_of_use(f"{where}.run", *used, toolbox)
    checks = {"confirm": responder.confirm, "verify": responder.verify}
    for name, check in checks.items():
        if isinstance(check, Check):
            inside = f"{where}.{name}"
            used = (check.run, check.arguments, check.where)
            yield from problems_of_use(f"{inside}.run", *used, toolbox)
            yield from _checked(inside, check, responder, toolbox)


def _of_agent(where: str, agent: Agent, origin: str, toolbox: Toolbox) -> Iterator[str]:
    offered = [one.name for one in toolbox.tools if may_offer(agent, one)]
    if len(offered) > MOST_OFFERED:
        yield f"{where}.tools: it fits {len(offered)} tools; at most {MOST_OFFERED} ({origin})"
    for key, patterns, names in (
        ("tools", agent.tools, [one.name for one in toolbox.tools]),
        ("auto", agent.auto, offered),
    ):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                among = "operation" if key == "tools" else "operation of agent.tools"
                hint = suggest(pattern, names)
                yield f"{where}.{key}: {quote(pattern)} fits no {among}{hint} ({origin})"


def may_offer(agent: Agent, tool: Tool) -> bool:
    """Whether the settings let a model call a tool; one whose script is a variable never."""
    named = any(fnmatchcase(tool.name, pattern) for pattern in agent.tools)
    return named and not tool.notes.get(FREE_SCRIPT)


def problems_of_use(
    where: str, name: str, arguments: Mapping[str, object], origin: str, toolbox: Toolbox
) -> Iterator[str]:
    """What is wrong with the use of an operation: it is not there, or takes something else.

    Args:
        where: The setting that names it.
        name: Its name.
        arguments: What it is given.
        origin: Where that stands.
        toolbox: The operations there are.
    """
    tool = toolbox.find(name)
    if tool is None:
        yield f"{where}: {_why_no_tool(name, toolbox)} ({origin})"
        return
    if tool.notes.get(FREE_SCRIPT):
        yield f"{where}: the script of {name} is a variable, so it could run anything ({origin})"
    for argument in arguments:
        if argument not in tool.input_names:
            hint = suggest(argument, tool.input_names) or _takes(tool)
            yield f"{where}: {name} takes no argument {quote(argument)}{hint} ({origin})"
    missing = [one.name for one in tool.inputs if one.required and one.name not in arguments]
    if missing:
        yield f"{where}: {name} needs the argument {missing[0]} as well ({origin})"


def _why_no_tool(name: str, toolbox: Toolbox) -> str:
    for one in toolbox.withheld:
        if one.operation == name:
            return f"{name} is withheld: {one.reason}"
    if any(one.name == name for one in toolbox.catalogue.operations.values()):
        return (
            f"{name} is no tool: it has no label {COPILOT_LABEL}=enabled, or the settings expose.* "
            "leave it out"
        )
    names = [one.name for one in toolbox.tools]
    return f"there is no operation {quote(name)}{suggest(name, names)}"


def _takes(tool: Tool) -> str:
    return f" (it takes: {', '.join(sorted(tool.input_names)) or 'none'})"


def _checked(where: str, check: Check, responder: Responder, toolbox: Toolbox) -> Iterator[str]:
    tool = toolbox.find(check.run)
    if tool is None:
        return
    if not tool.hints.read_only:
        yield (
            f"{where}.run: {check.run} does not only read, and looking must change nothing "
            f"({check.where})"
        )
    try:
        expectation(check, responder.arguments, tool)
    except BadExpression as error:
        yield f"{where}.expect: {error} ({check.where})"
