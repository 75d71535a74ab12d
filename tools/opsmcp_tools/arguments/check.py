"""Arguments -> checked and complete variables, or one error that says how to repair the call.

Every problem is found at once. Values are checked by `values`; merging is here: what the operation
declares, then the caller's arguments, then what is bound. Complete, because Ops replaces a
pipeline's variables as a whole. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.table import canonical
from opsmcp_pipelines.many_hosts import MOST_HOSTS
from opsmcp_tools.arguments.bound_variables import PRINCIPAL
from opsmcp_tools.arguments.cluster_host import inputs_at
from opsmcp_tools.arguments.condition_values import find_undecidable
from opsmcp_tools.arguments.kind_words import meaning_of
from opsmcp_tools.arguments.nearest_names import did_you_mean
from opsmcp_tools.arguments.repaired_call import ParsedCall, correct, understand
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments, NotAllowed
from opsmcp_tools.model.tool import Input, Principal, Tool
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Language, Phrase, Said
from opsmcp_tools.safe_text.characters import quote

__all__ = ["CheckedCall", "check_arguments", "check_inputs"]

MAX_ARGUMENTS = 64
MAX_CHARACTERS = 64 * 1024

_REASONS: Mapping[Phrase, str] = MappingProxyType(
    {
        words.REQUIRED: "missing",
        words.NO_SUCH_ARGUMENT: "undeclared",
        words.FILLED: "undeclared",
        words.NESTED: "undeclared",
    }
)
"""What is wrong with an argument, by what is said of it; all else is its value."""


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that may be started.

    `arguments` is what the caller gave, in canonical form; `variables` is everything that the
    source is sent; `secrets` are those of its values that nobody may be shown. `hosts` are those
    that it means, where an argument may name several.
    """

    arguments: Mapping[str, str]
    variables: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    hosts: frozenset[str] = frozenset()


def check_arguments(
    tool: Tool, arguments: Mapping[str, object], principal: Principal
) -> CheckedCall:
    """Check what the caller gave and merge it with what is declared and bound.

    Raises:
        InvalidArguments: With every problem there is.
        NotAllowed: The operation is told who calls, and the caller's name is no plain word.
    """
    filled = frozenset(item.name for item in tool.bound)
    inputs = tool.inputs
    if _too_large(arguments) is None:
        inputs = inputs_at(tool, understand(tool.input_names, arguments).arguments)
    checked = check_inputs(tool.name, inputs, arguments, filled, tool.language)
    call = _merge(tool, inputs, checked, principal)
    if problems := list(find_undecidable(tool, call.variables)):
        raise _invalid(tool.name, problems, tool.language)
    return call


def check_inputs(
    name: str,
    inputs: Sequence[Input],
    arguments: Mapping[str, object],
    filled: frozenset[str] = frozenset(),
    language: Language = "en",
) -> dict[str, str]:
    """What the caller gave, in canonical form; `filled` are the names that the server fills.

    Raises:
        InvalidArguments: With every problem there is.
    """
    too_large = _too_large(arguments)
    if too_large is not None:
        problem = ArgumentProblem("arguments", too_large.to(language), "size")
        raise InvalidArguments(name, [problem], language=language)
    meant = understand([item.name for item in inputs], arguments)
    checked, problems = _check(inputs, meant, filled)
    if problems:
        raise _invalid(name, problems, language, correct(inputs, meant.arguments))
    return checked


def _invalid(
    name: str,
    problems: Iterable[tuple[str, Said]],
    language: Language,
    corrected: Mapping[str, str] | None = None,
) -> InvalidArguments:
    found = [
        ArgumentProblem(argument, said.to(language), _REASONS.get(said.phrase, "value"))
        for argument, said in problems
    ]
    return InvalidArguments(name, found, corrected, language)


def _check(
    inputs: Sequence[Input], meant: ParsedCall, filled: frozenset[str]
) -> tuple[dict[str, str], list[tuple[str, Said]]]:
    declared = [item.name for item in inputs]
    problems = [(meant.wrapping, words.NESTED(quote(meant.wrapping)))] if meant.wrapping else []
    problems += [
        (quote(received).strip("'"), _undeclared(received, declared, filled))
        for received in meant.received
        if str(received) not in declared
    ]
    checked: dict[str, str] = {}
    for item in inputs:
        try:
            text = _check_one(item, meant.arguments.get(item.name))
        except Refused as error:
            problems.append((item.name, error.said))
        else:
            checked |= {} if text is None else {item.name: text}
            count = len(item.meant_by(text)) if text and item.groups else 0
            if count > MOST_HOSTS:
                problems.append((item.name, words.TOO_MANY_HOSTS(count, MOST_HOSTS)))
    return checked, problems


def _too_large(arguments: Mapping[str, object]) -> Said | None:
    if len(arguments) > MAX_ARGUMENTS:
        return words.TOO_MANY(len(arguments), MAX_ARGUMENTS)
    if sum(len(text) for pair in arguments.items() for text in _texts(pair)) > MAX_CHARACTERS:
        return words.TOO_LONG_TOGETHER(MAX_CHARACTERS)
    return None


def _texts(values: Iterable[object]) -> Iterator[str]:
    """The texts among names, values and items of lists."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            items = cast("list[object]", value)
            yield from (item for item in items if isinstance(item, str))


def _undeclared(name: str, declared: Collection[str], filled: frozenset[str]) -> Said:
    if name in filled:
        return words.FILLED()
    names = ", ".join(declared) or words.NO_ARGUMENTS()
    return words.NO_SUCH_ARGUMENT(did_you_mean(name, declared), names)


def _check_one(item: Input, received: object) -> str | None:
    """The canonical form; None for what counts as not given, because models fill in blanks."""
    if received is None or received == "" or (received == [] and item.separator):
        if item.required:
            raise Refused(_is_required(item))
        return None
    if _is_nested(item, received):
        raise Refused(words.NOT_PLAIN())
    try:
        return check_value(item, received)
    except Refused as error:
        raise Refused(words.GIVEN(quote(received), error.said)) from None


def _is_nested(item: Input, received: object) -> bool:
    is_list = isinstance(received, list) and item.separator is not None
    return isinstance(received, (dict, list, tuple, set)) and not is_list


def _is_required(item: Input) -> Said:
    none = words.NOTHING()
    if item.allowed:
        return words.REQUIRED(words.REQUIRED_CHOICES(", ".join(item.allowed[:10])), none)
    meaning = item.schema.get("description") or meaning_of(item.kind)
    return words.REQUIRED(none, words.REQUIRED_MEANING(meaning))


def _merge(
    tool: Tool, inputs: Sequence[Input], checked: Mapping[str, str], principal: Principal
) -> CheckedCall:
    declared = {item.name: item.default for item in inputs if item.default is not None}
    bound = {
        item.name: _name_of(principal) if item.value == PRINCIPAL else item.value
        for item in tool.bound
    }
    variables = {**declared, **checked, **bound}
    hosts = (it.meant_by(variables[it.name]) for it in inputs if it.groups and it.name in variables)
    return CheckedCall(
        arguments=MappingProxyType(dict(checked)),
        variables=MappingProxyType(variables),
        hosts=frozenset[str]().union(*hosts),
        secrets=frozenset(item.value for item in tool.bound if item.secret and item.value),
    )


def _name_of(principal: Principal) -> str:
    if canonical(Kind.PATTERN, principal.name) is None:
        raise NotAllowed("The operation is told who calls it, and your name is not one plain word.")
    return principal.name
