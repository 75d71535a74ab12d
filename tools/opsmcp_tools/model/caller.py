"""How a request came in, and why a run may be started: what the audit trail says beside who calls.

Frozen data. The caller of the request that is being handled is a context variable, because it has
to reach what a request leads to and decides nothing.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from opsmcp_tools.model.tool import Principal

__all__ = ["CALLER", "NO_GROUNDS", "Caller", "Grounds"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Through what a request came in. What is not known is empty.

    `auth` is how it is known who calls: `oidc:ID`, `token:ID`, `server-token` or `local`.
    `client_id` is the program as the token names it, `client_name` and `client_version` are as the
    program calls itself. `trace` is the trace context that came with the request (`traceparent`).
    """

    transport: str = ""
    auth: str = ""
    client_id: str = ""
    client_name: str = ""
    client_version: str = ""
    address: str = ""
    rpc_id: str = ""
    trace: str = ""


CALLER: ContextVar[Caller | None] = ContextVar("opsmcp_caller", default=None)


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a run may be started: by which rule, and who agreed to it or approved it.

    `consent` is how the person at the client agreed: `client`, `terminal`, `option` (`--yes`) or
    `trusted-client`; empty where nobody was asked. `approvers` approved the request `request`.
    """

    rule: str = ""
    effect: str = ""
    consent: str = ""
    request: str = ""
    approvers: tuple[Principal, ...] = ()
    incident: str = ""
    targets: tuple[str, ...] = ()


NO_GROUNDS = Grounds()
