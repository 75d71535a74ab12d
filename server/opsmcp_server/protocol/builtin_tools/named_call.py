"""A call within a call: the name of an operation, and its arguments."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, cast

from opsmcp_server.protocol.strict_json import BadJson, read_json
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments, UnknownTool
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.safe_text.characters import quote

__all__ = ["NO_CALL", "NamedCall", "name_is_argument", "named_call_schema", "read_named_call"]


class NamedCall(NamedTuple):
    """The call that is meant."""

    name: str
    arguments: Mapping[str, object]


NO_CALL = NamedCall("", {})


def named_call_schema(name: str) -> JsonObject:
    """The input schema; `name` says what the name is."""
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": name},
            "arguments": {
                "type": "object",
                "description": "Its arguments, by its input schema.",
                "additionalProperties": True,
            },
        },
        "required": ["name"],
        "additionalProperties": False,
    }


@contextmanager
def name_is_argument(tool: str) -> Generator[None]:
    """Within it, a name that no tool has is what is wrong with the arguments of `tool`.

    Raises:
        InvalidArguments: In place of an `UnknownTool`: the tool that was called does exist.
    """
    try:
        yield
    except UnknownTool as error:
        raise InvalidArguments(tool, [ArgumentProblem("name", str(error))]) from None


def read_named_call(tool: str, passed: Mapping[str, object]) -> NamedCall:
    """The name and the arguments.

    Raises:
        InvalidArguments: About `tool`, the one that was given them.
    """
    name, arguments = passed.get("name"), _arguments(passed.get("arguments"))
    problems = [
        ArgumentProblem(
            quote(other).strip("'"), "there is no such argument (there are: name, arguments)"
        )
        for other in passed
        if other not in ("name", "arguments")
    ]
    if not isinstance(name, str) or not name:
        problems.append(ArgumentProblem("name", "it is required: the name of an operation"))
    if arguments is None:
        problems.append(ArgumentProblem("arguments", "it must be an object"))
    if problems or not isinstance(name, str) or arguments is None:
        raise InvalidArguments(tool, problems)
    return NamedCall(name, arguments)


def _arguments(passed: object) -> dict[str, object] | None:
    """The object that was given, also where a model wrote it as text."""
    if passed is None or passed == "":
        return {}
    if isinstance(passed, str):
        try:
            passed = read_json(passed)
        except BadJson:
            return None
    return cast("dict[str, object]", passed) if isinstance(passed, dict) else None
