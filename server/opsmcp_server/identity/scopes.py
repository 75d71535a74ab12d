"""What a token must be good for: to look, or to start and cancel. Pure.

Decided by the method and the name of a tool alone, before anything of the answer was sent: later a
refusal could be no status any more. What policy denies is no matter of scopes, and never a 403.
"""

from collections.abc import Sequence

from opsmcp_server.protocol.builtin_tools import registry

__all__ = ["READ", "RUN", "covers", "needed"]

READ, RUN = "ops:read", "ops:run"

_LOOKING = frozenset(row.name for row in registry.BUILT_IN if row.hints.read_only)
_ACTING = frozenset({"tasks/cancel"})


def needed(method: str, name: str) -> str:
    """The scope that a message needs; `name` is that of the tool it calls."""
    if method == "tools/call":
        return READ if name in _LOOKING else RUN
    return RUN if method in _ACTING else READ


def covers(scopes: Sequence[str], scope: str) -> bool:
    """Whether a token with these is good for that; who may run may also read."""
    return scope in scopes or (scope == READ and RUN in scopes)
