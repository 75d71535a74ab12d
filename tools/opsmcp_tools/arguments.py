"""Arguments -> checked and complete variables, or one error that says how to repair the call.

Every problem is found at once. Values are checked by `values`; merging is here: what the operation
declares, then the caller's arguments, then what is bound. Complete, because Ops replaces a
pipeline's variables as a whole. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_tools.binding import PRINCIPAL
from opsmcp_tools.characters import has_hidden, quote
from opsmcp_tools.correction import correct
from opsmcp_tools.errors import ArgumentProblem, InvalidArguments, NotAllowed
from opsmcp_tools.location import inputs_at
from opsmcp_tools.nearest import suggest
from opsmcp_tools.phrases import ENGLISH
from opsmcp_tools.tool import Input, Principal, Tool
from opsmcp_tools.values import Refused, check_value, is_safe_word

__all__ = ["CheckedCall", "check_arguments", "check_inputs"]

MAX_ARGUMENTS = 64
MAX_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that may be started.

    `arguments` is what the caller gave, in canonical form; `variables` is everything that the
    source is sent; `secrets` are those of its values that nobody may be shown.
    """

    arguments: Mapping[str, str]
    variables: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


def check_arguments(
    tool: Tool, arguments: Mapping[str, object], principal: Principal
) -> CheckedCall:
    """Check what the caller gave and merge it with what is declared and bound.

    Raises:
        InvalidArguments: With every problem there is.
        NotAllowed: The operation is told who calls, and the caller's name is no plain word.
    """
    filled = frozenset(item.name for item in tool.bound)
    inputs = inputs_at(tool, arguments)
    checked = check_inputs(tool.name, inputs, arguments, filled)
    return _merge(tool, inputs, checked, principal)


def check_inputs(
    name: str,
    inputs: Sequence[Input],
    arguments: Mapping[str, object],
    filled: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """What the caller gave, in canonical form; `filled` are the names that the server fills.

    Raises:
        InvalidArguments: With every problem there is.
    """
    _check_size(name, arguments)
    declared = {item.name: item for item in inputs}
    problems = [
        _undeclared(given, declared, filled) for given in arguments if str(given) not in declared
    ]
    checked: dict[str, str] = {}
    for item in inputs:
        try:
            text = _check_one(item, arguments.get(item.name))
        except Refused as error:
            problems.append(ArgumentProblem(item.name, str(error)))
        else:
            checked |= {} if text is None else {item.name: text}
    if problems:
        raise InvalidArguments(name, problems, correct(inputs, arguments))
    return checked


def _check_size(name: str, arguments: Mapping[str, object]) -> None:
    if len(arguments) > MAX_ARGUMENTS:
        sentence = f"there are {len(arguments)} of them; at most {MAX_ARGUMENTS} are accepted"
        raise InvalidArguments(name, [ArgumentProblem("arguments", sentence)])
    texts = (text for pair in arguments.items() for text in pair if isinstance(text, str))
    if sum(len(text) for text in texts) > MAX_CHARACTERS:
        sentence = f"together they are longer than {MAX_CHARACTERS} characters"
        raise InvalidArguments(name, [ArgumentProblem("arguments", sentence)])


def _undeclared(name: str, declared: Collection[str], filled: frozenset[str]) -> ArgumentProblem:
    shown = quote(name).strip("'")
    if name in filled:
        return ArgumentProblem(shown, "it is filled by the server; leave it out")
    names = ", ".join(declared) or "none"
    return ArgumentProblem(
        shown, f"there is no such argument{suggest(name, declared)} (there are: {names})"
    )


def _check_one(item: Input, given: object) -> str | None:
    """The canonical form; None for what counts as not given, because models fill in blanks."""
    if given is None or given == "":
        if item.required:
            raise Refused(_is_required(item))
        return None
    if isinstance(given, (dict, list, tuple, set)):
        raise Refused("it must be one plain value, no list or object")
    try:
        return check_value(item, given)
    except Refused as error:
        raise Refused(f"{quote(given)} was given; {error}") from None


def _is_required(item: Input) -> str:
    told = str(item.schema.get("description", "")) or ENGLISH.meanings.get(item.kind, "")
    choices = f"; one of {', '.join(item.allowed[:10])}" if item.allowed else ""
    return f"it is required{choices}" + (f" ({told})" if told and not choices else "")


def _merge(
    tool: Tool, inputs: Sequence[Input], checked: Mapping[str, str], principal: Principal
) -> CheckedCall:
    declared = {item.name: item.default for item in inputs if item.default is not None}
    bound = {
        item.name: _name_of(principal) if item.value == PRINCIPAL else item.value
        for item in tool.bound
    }
    return CheckedCall(
        arguments=MappingProxyType(dict(checked)),
        variables=MappingProxyType({**declared, **checked, **bound}),
        secrets=frozenset(item.value for item in tool.bound if item.secret and item.value),
    )


def _name_of(principal: Principal) -> str:
    if not is_safe_word(principal.name) or has_hidden(principal.name):
        raise NotAllowed("The operation is told who calls it, and your name is not one plain word.")
    return principal.name
