"""Values of labels, each out of few: whatever a stranger chooses becomes `other`. Pure."""

from http import HTTPStatus

from mcp_types import jsonrpc
from mcp_types.methods import SPEC_CLIENT_NOTIFICATION_METHODS
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS
from starlette.types import Scope

from opsmcp_server.calls.current_tools import CurrentTools
from opsmcp_server.protocol.builtin_tools.registry import BUILT_IN
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer

__all__ = [
    "NONE",
    "ToolNames",
    "error_label",
    "http_method",
    "method_label",
    "route_of",
    "status_label",
    "version",
]

OTHER = "other"
NONE = "none"

_MOST_TOOLS = 500
_BUILT_IN = frozenset(row.name for row in BUILT_IN)
_CODES = frozenset(
    value for name, value in vars(jsonrpc).items() if name.isupper() and isinstance(value, int)
)
_STATUSES = frozenset(map(int, HTTPStatus))
_HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ToolNames:
    """Names of tools: the built-in ones, and the first 500 operations that were called."""

    def __init__(self, tools: CurrentTools) -> None:
        """None was called yet."""
        self._tools = tools
        self._seen: set[str] = set()

    def label(self, name: object) -> str:
        """The name, if a tool of it is in the catalogue now or was when it was first called."""
        if not isinstance(name, str):
            return OTHER
        if name in _BUILT_IN or name in self._seen:
            return name
        toolbox = self._tools.toolbox
        if toolbox is None or toolbox.find(name) is None or len(self._seen) >= _MOST_TOOLS:
            return OTHER
        self._seen.add(name)
        return name


def error_label(code: int) -> str:
    """The code of a protocol error that is one of the protocol's."""
    return str(code) if code in _CODES else OTHER


def status_label(status: int | None) -> str:
    """The status of an answer over HTTP; `none` when there was none."""
    if status is None:
        return NONE
    return str(status) if status in _STATUSES else OTHER


def http_method(method: str) -> str:
    """A method of HTTP, or `_OTHER`, as the convention has it."""
    return method if method in _HTTP_METHODS else "_OTHER"


def version(protocol: str) -> str:
    """A version of MCP that was released."""
    return protocol if protocol in KNOWN_PROTOCOL_VERSIONS else OTHER


def method_label(server: OpsmcpServer, method: str) -> str:
    """A method that this server answers."""
    known = method == "initialize" or server.get_request_handler(method) is not None
    return method if known or method in SPEC_CLIENT_NOTIFICATION_METHODS else OTHER


def route_of(scope: Scope) -> str:
    """The path of the route that answered a request, with its places; empty where none did."""
    return str(getattr(scope.get("route"), "path", ""))
