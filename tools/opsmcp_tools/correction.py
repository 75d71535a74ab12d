"""The call that can only have been meant: offered in an error where there is no doubt, never made.

Certain is what differs from one real name in case and separators alone, blanks around a value, and
the usual words for true and false. A near name is not certain: it stays a question. Pure.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from opsmcp_tools.nearest import same_name
from opsmcp_tools.tool import Input, Kind
from opsmcp_tools.values import Refused, check_value

__all__ = ["correct"]

_TRUTHS: Mapping[str, str] = MappingProxyType(
    {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
)
_LOWER = frozenset({Kind.KUBERNETES_NAME, Kind.HOST})


def correct(inputs: Sequence[Input], arguments: Mapping[str, object]) -> dict[str, str] | None:
    """Arguments that would be accepted, when every fault has one certain remedy; else None."""
    declared = {item.name: item for item in inputs}
    renamed = _rename(declared, arguments)
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


def _rename(
    declared: Mapping[str, Input], arguments: Mapping[str, object]
) -> dict[str, object] | None:
    """The arguments by their real names; None when one has none."""
    renamed = {name: value for name, value in arguments.items() if name in declared}
    for name, value in arguments.items():
        if name in declared:
            continue
        real = same_name(str(name), declared)
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
