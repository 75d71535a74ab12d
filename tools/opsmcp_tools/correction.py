"""The call that can only have been meant: offered in an error where there is no doubt, never made.

Certain is what differs from one real name in case and separators alone, the plural of an argument
and its name with `name` behind it, arguments within `arguments`, blanks around a value, and the
usual words for true and false. A near name is not certain: it stays a question. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from opsmcp_tools.kinds import words_of
from opsmcp_tools.nearest import same_name
from opsmcp_tools.tool import Input, Kind
from opsmcp_tools.values import Refused, check_value

__all__ = ["correct", "is_nested"]

_TRUTHS: Mapping[str, str] = MappingProxyType(
    {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
)
_WRAPPINGS = frozenset({"arguments", "args", "params", "parameters", "input", "kwargs"})
_LONGEST_NAME = 100
_LOWER = frozenset({Kind.KUBERNETES_NAME, Kind.HOST})


def correct(inputs: Sequence[Input], arguments: Mapping[str, object]) -> dict[str, str] | None:
    """Arguments that would be accepted, when every fault has one certain remedy; else None."""
    declared = {item.name: item for item in inputs}
    renamed = _rename(declared, _unwrapped(declared, arguments))
    if renamed is None:
        return None
    corrected: dict[str, str] = {}
    for name, item in declared.items():
        given = renamed.get(name)
        if given is None or given == "":
            if item.required:
                return None
            continue
        value = _repair(item, given)
        if value is None:
            return None
        corrected[name] = value
    return corrected


def is_nested(name: str, value: object, declared: Collection[str]) -> bool:
    """Whether this is a wrapping of the arguments, as some clients and models put around them."""
    return name not in declared and name.lower() in _WRAPPINGS and isinstance(value, dict)


def _unwrapped(
    declared: Mapping[str, Input], arguments: Mapping[str, object]
) -> Mapping[str, object]:
    """The arguments themselves, where all of them are within one that only wraps them."""
    if len(arguments) == 1:
        ((name, value),) = arguments.items()
        if is_nested(name, value, declared):
            return cast("dict[str, object]", value)
    return arguments


def _same_thing(name: str, declared: Collection[str]) -> str:
    """The one argument that names the same: `pods`, `pod_name` and `podname` are `pod`."""
    found = [real for real in declared if _thing(real) == _thing(name)]
    return found[0] if len(found) == 1 and len(name) <= _LONGEST_NAME else ""


def _thing(name: str) -> str:
    plain = "".join(words_of(name)) if len(name) <= _LONGEST_NAME else name
    return plain.removesuffix("s").removesuffix("name") or plain


def _rename(
    declared: Mapping[str, Input], arguments: Mapping[str, object]
) -> dict[str, object] | None:
    """The arguments by their real names; None when one has none."""
    renamed = {name: value for name, value in arguments.items() if name in declared}
    for name, value in arguments.items():
        if name in declared:
            continue
        real = same_name(str(name), declared) or _same_thing(str(name), declared)
        if not real or real in renamed:
            return None
        renamed[real] = value
    return renamed


def _repair(item: Input, given: object) -> str | None:
    """The one value that was meant, in canonical form; None when there is doubt."""
    for value in _meant(item, given):
        try:
            return check_value(item, value)
        except Refused:
            continue
    return None


def _meant(item: Input, given: object) -> list[object]:
    if not isinstance(given, str):
        return [given] if isinstance(given, int | float) else []
    text = given.strip()
    if item.allowed:
        return [given, text, same_name(text, item.allowed)]
    if item.kind is Kind.FLAG:
        return [given, text.lower(), _TRUTHS.get(text.lower(), "")]
    return [given, text, *([text.lower()] if item.kind in _LOWER else [])]
