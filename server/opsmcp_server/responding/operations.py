"""The operations of responders: what is wrong with how the settings use them, and their places."""

from collections.abc import Iterable, Iterator, Mapping

from opsmcp_pipelines.models import Pipeline
from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.arguments.place_names import Place
from opsmcp_tools.incidents.expression import SIGNAL, BadExpression, Condition, outcome_variables
from opsmcp_tools.incidents.responder import Check, Mode, Responder
from opsmcp_tools.model.tool import FREE_SCRIPT, Tool
from opsmcp_tools.policy.places import possible_places
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.build import Toolbox

__all__ = ["check_operations", "expectation", "touched_places"]


def expectation(check: Check, arguments: Iterable[str], tool: Tool) -> Condition:
    """What is expected of a run of this tool, as a condition.

    Raises:
        BadExpression: It names a result that the operation does not declare, or is none.
    """
    return Condition(check.expect, {**SIGNAL, **outcome_variables(_results(tool), arguments)})


def _results(tool: Tool) -> tuple[str, ...]:
    operation = tool.operation
    tasks = operation.tasks if isinstance(operation, Pipeline) else ()
    return tuple(dict.fromkeys(name for ref in tasks for name in ref.results))


def touched_places(tool: Tool, call: CheckedCall) -> tuple[str, ...]:
    """Where a call changes something, as narrow as it is known: hosts, a namespace, a cluster."""
    for place in (Place.HOST, Place.NAMESPACE, Place.CLUSTER):
        found = possible_places(tool, place, call.arguments)
        names = sorted({name for names in found or () for name in names})
        if names:
            return tuple(f"{place}:{name}" for name in names)
    return ()


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
    yield from _used(f"{where}.run", responder.run, responder.arguments, responder, toolbox)
    checks = {"confirm": responder.confirm, "verify": responder.verify}
    for name, check in checks.items():
        if isinstance(check, Check):
            inside = f"{where}.{name}"
            yield from _used(f"{inside}.run", check.run, check.arguments, responder, toolbox)
            yield from _checked(inside, check, responder, toolbox)


def _used(
    where: str,
    name: str,
    arguments: Mapping[str, object],
    responder: Responder,
    toolbox: Toolbox,
) -> Iterator[str]:
    tool = toolbox.find(name)
    if tool is None:
        names = [one.name for one in toolbox.tools]
        withheld = next((one for one in toolbox.withheld if one.operation == name), None)
        why = f"{name} is withheld: {withheld.reason}" if withheld else _no_such(name, names)
        yield f"{where}: {why} ({responder.where})"
        return
    if tool.notes.get(FREE_SCRIPT):
        yield f"{where}: the script of {name} is a variable, so a signal could run anything"
    for argument in arguments:
        if argument not in tool.input_names:
            hint = suggest(argument, tool.input_names) or _takes(tool)
            yield f"{where}: {name} takes no argument {quote(argument)}{hint} ({responder.where})"
    missing = [one.name for one in tool.inputs if one.required and one.name not in arguments]
    if missing:
        yield f"{where}: {name} needs the argument {missing[0]} as well ({responder.where})"


def _no_such(name: str, names: Iterable[str]) -> str:
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
