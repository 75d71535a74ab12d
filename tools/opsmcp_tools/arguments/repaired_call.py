"""The call that can only have been meant: offered in an error where there is no doubt, never made.

Certain is what differs from one real name in case and separators alone, the plural of an argument
and its name with `name` behind it, arguments within `arguments`, a list of one value, blanks around
a value, and the usual words for true and false. A near name is not certain: it stays a question.
Pure.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import words_of
from opsmcp_tools.arguments.nearest_names import same_name
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.tool import Input

__all__ = ["ParsedCall", "correct", "understand"]

_TRUTHS: Mapping[str, str] = MappingProxyType(
    {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
)
_WRAPPINGS = frozenset({"arguments", "args", "params", "parameters", "input", "kwargs"})
_LONGEST_NAME = 100
_LONGEST_OBJECT = 64 * 1024
_MOST_WRAPPED = 64
_LOWER = frozenset({Kind.KUBERNETES_NAME, Kind.HOST})


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """What a caller gave: `wrapping` is the name around all of it, empty when there is none.

    `received` is by the caller's names, `arguments` by the real ones where there is no doubt.
    """

    wrapping: str
    received: Mapping[str, object]
    arguments: Mapping[str, object]


def understand(declared: Collection[str], arguments: Mapping[str, object]) -> ParsedCall:
    """The arguments by their real names, so far as those can only have been meant."""
    wrapping, received = _unwrapped(declared, arguments)
    named = {name: value for name, value in received.items() if name in declared}
    for name, value in received.items():
        if name not in named:
            real = same_name(str(name), declared) or _same_thing(str(name), declared)
            named[real if real and real not in named else name] = value
    return ParsedCall(wrapping, received, named)


def correct(inputs: Sequence[Input], arguments: Mapping[str, object]) -> dict[str, str] | None:
    """Arguments that would be accepted, when every fault has one certain remedy; else None.

    Args:
        inputs: What is declared.
        arguments: By their real names, as `understand` gives them.
    """
    if not arguments.keys() <= {item.name for item in inputs}:
        return None
    corrected: dict[str, str] = {}
    for item in inputs:
        received = arguments.get(item.name)
        if received is None or received == "":
            if item.required:
                return None
            continue
        value = _repair(item, received)
        if value is None:
            return None
        corrected[item.name] = value
    return corrected


def _unwrapped(
    declared: Collection[str], arguments: Mapping[str, object]
) -> tuple[str, Mapping[str, object]]:
    """The name of what only wraps all arguments, and the arguments themselves."""
    if len(arguments) == 1:
        ((name, value),) = arguments.items()
        if name not in declared and name.lower() in _WRAPPINGS:
            inner = _as_object(value)
            if inner is not None and len(inner) <= _MOST_WRAPPED:
                return name, inner
    return "", arguments


def _as_object(value: object) -> dict[str, object] | None:
    """The object, also where a model wrote it as text."""
    if isinstance(value, str) and len(value) <= _LONGEST_OBJECT:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _same_thing(name: str, declared: Collection[str]) -> str:
    """The one argument that names the same: `pods`, `pod_name` and `podname` are `pod`."""
    found = [real for real in declared if _thing(real) == _thing(name)]
    return found[0] if len(found) == 1 and len(name) <= _LONGEST_NAME else ""


def _thing(name: str) -> str:
    plain = "".join(words_of(name)) if len(name) <= _LONGEST_NAME else name
    return plain.removesuffix("s").removesuffix("name") or plain


def _items_meant(item: Input, received: object) -> list[object]:
    """The list with each item as it was meant; nothing where one is in doubt."""
    one = replace(item, separator=None)
    items = cast("list[object]", received) if isinstance(received, list) else []
    meant = [_repair(one, each) for each in items]
    return [] if None in meant else [meant]


def _repair(item: Input, received: object) -> str | None:
    """The one value that was meant, in canonical form; None when there is doubt."""
    for value in _meant(item, received):
        try:
            return check_value(item, value)
        except Refused:
            continue
    return None


def _meant(item: Input, received: object) -> list[object]:
    if item.separator:
        return [received, *_items_meant(item, received)]
    if isinstance(received, list):
        only = cast("list[object]", received)
        return _meant(item, only[0]) if len(only) == 1 and not isinstance(only[0], list) else []
    if not isinstance(received, str):
        return [received] if isinstance(received, int | float) else []
    text = received.strip()
    if item.allowed:
        return [received, text, same_name(text, item.allowed)]
    if item.kind is Kind.FLAG:
        return [received, text.lower(), _TRUTHS.get(text.lower(), "")]
    if item.kind in _LOWER:
        # No name of this kind has a capital letter or an underscore.
        return [received, text, text.lower(), text.lower().replace("_", "-")]
    return [received, text]
