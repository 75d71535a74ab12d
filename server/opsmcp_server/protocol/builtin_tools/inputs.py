"""The arguments of built-in tools, in the few shapes that they have."""

from collections.abc import Mapping
from datetime import datetime

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments
from opsmcp_tools.model.tool import Input, JsonObject
from opsmcp_tools.model.value_rules import NO_SCRIPT
from opsmcp_tools.phrases.tool_names import LIST_RUNS
from opsmcp_tools.safe_text.timestamps import parse_timestamp

__all__ = ["RUN", "choice", "count", "flag", "read_timestamp", "text", "word"]

_LONGEST_TEXT = 200


def word(name: str, description: str, *, required: bool = False) -> Input:
    """One word."""
    schema: JsonObject = {"type": "string", "description": description}
    return Input(name, Kind.TOKEN, schema, required)


def text(
    name: str, description: str, longest: int = _LONGEST_TEXT, *, required: bool = False
) -> Input:
    """Words, of at most `longest` characters."""
    schema: JsonObject = {"type": "string", "maxLength": longest, "description": description}
    return Input(name, Kind.TEXT, schema, required, maximum=longest, rules=NO_SCRIPT)


def count(name: str, description: str, default: int | None, low: int, high: int) -> Input:
    """A number from `low` to `high`; without a default it may be left out."""
    schema: JsonObject = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        schema["default"] = default
    schema["description"] = description
    shown = None if default is None else str(default)
    return Input(name, Kind.COUNT, schema, default=shown, minimum=low, maximum=high)


def flag(name: str, description: str, *, default: bool | None = False) -> Input:
    """Yes or no; without a default it may be left out, which is neither."""
    schema: JsonObject = {"type": "boolean"}
    if default is not None:
        schema["default"] = default
    schema["description"] = description
    shown = None if default is None else str(default).lower()
    return Input(name, Kind.FLAG, schema, default=shown)


def choice(
    name: str, description: str, allowed: tuple[str, ...], default: str | None = None
) -> Input:
    """One of a few words."""
    schema: JsonObject = {"type": "string", "enum": list(allowed)}
    if default is not None:
        schema["default"] = default
    schema["description"] = description
    return Input(name, Kind.CHOICE, schema, default=default, allowed=allowed)


def read_timestamp(
    tool: str, arguments: Mapping[str, str], name: str, now: datetime
) -> datetime | None:
    """The time that an argument of a tool means, or None where it was not given.

    Raises:
        InvalidArguments: It means none.
    """
    if name not in arguments:
        return None
    try:
        return parse_timestamp(arguments[name], now)
    except ValueError as error:
        raise InvalidArguments(tool, [ArgumentProblem(name, str(error))]) from None


RUN = word("run", f"Run handle, as a call or {LIST_RUNS} gave it.", required=True)
