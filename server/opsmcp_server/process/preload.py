"""Everything that a call may need, imported ahead.

Commands import late, because they start many times a day. A server that runs for months would then
import in the middle of a call, perhaps when it can open no file: the call fails, and so does every
later one that needs the same.
"""

import pkgutil
from importlib import import_module
from types import ModuleType

import anyio

import opsmcp_pipelines
import opsmcp_tools

__all__ = ["import_ahead"]

_LATE = (
    "opsmcp_server.calls.audit_trail",
    "opsmcp_server.copies.otlp",
    "opsmcp_server.copies.syslog",
    "opsmcp_server.protocol.completion",
    "opsmcp_server.protocol.prompts",
    "opsmcp_server.protocol.resources",
    "opsmcp_server.protocol.tool_calls",
    "re2",
)
"""Besides: what is imported within functions."""


def import_ahead() -> None:
    """Import it."""
    for package in (opsmcp_tools, opsmcp_pipelines):
        _import_all(package)
    for name in _LATE:
        import_module(name)
    _ = anyio.open_process  # which anyio imports when it is first named


def _import_all(package: ModuleType) -> None:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            import_module(found.name)
        except ModuleNotFoundError as error:
            # One of an extra that is not installed: nothing that this process does needs it.
            if (error.name or "").startswith("opsmcp"):
                raise
