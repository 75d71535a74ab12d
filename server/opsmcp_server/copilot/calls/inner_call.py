"""What a call is about, where a tool takes the name and arguments of another one. Pure."""

from collections.abc import Mapping
from typing import Any

from opsmcp_server.copilot.base.shape import object_of, text_of
from opsmcp_server.copilot.calls.arguments import parse
from opsmcp_server.copilot.servers.tool import Offered

__all__ = ["change", "named_call", "names_of"]


def named_call(offered: Offered, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The operation and its arguments."""
    if not offered.runs_another:
        return offered.tool.name, arguments
    return text_of(arguments.get("name")), object_of(arguments.get("arguments"))


def names_of(offered: Offered, arguments: Mapping[str, Any]) -> list[str]:
    """The arguments that a person can change: all that are known of the operation."""
    if not offered.runs_another:
        return list(offered.properties)
    return list(named_call(offered, arguments)[1])


def change(offered: Offered, arguments: Mapping[str, Any], line: str) -> dict[str, Any] | None:
    """The arguments with what `name=value` says; None when it says nothing that fits."""
    name, _, value = line.partition("=")
    changed = parse([f"{name.strip()}={value.strip()}"], offered.properties)
    if "=" not in line or not changed or name.strip() not in names_of(offered, arguments):
        return None
    if offered.runs_another:
        return {**arguments, "arguments": {**named_call(offered, arguments)[1], **changed}}
    return {**arguments, **changed}
