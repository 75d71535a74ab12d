"""What can be looked at: how things stand in this process when somebody asks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from math import nan

from opsmcp_server.calls.audit import Audit
from opsmcp_server.identity.gate import Gate
from opsmcp_server.protocol.services import Services
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.health import Health
from opsmcp_server.telemetry.metrics import Reading

__all__ = ["Parts", "read_parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a running server is made of, as far as it is looked at."""

    services: Services
    gate: Gate
    health: Health
    connections: Callable[[], int]


def read_parts(parts: Parts) -> Iterator[Reading]:
    """How everything stands now. Takes no lock, and waits for nothing."""
    yield Reading(families.BUILD_INFO, 1, [version("opsmcp")])
    yield Reading(families.READY, float(parts.health.is_ready))
    yield Reading(families.CONNECTIONS, parts.connections())
    yield Reading(families.SESSIONS, parts.services.clients.sessions.connected)
    yield from _audit(parts.services.calls.audit)
    yield from _runs(parts)
    yield from _catalogue(parts)
    yield from _identity(parts.gate)


def _audit(audit: Audit) -> Iterator[Reading]:
    yield Reading(families.AUDIT_LAST_SEQ, audit.last_seq)
    yield Reading(families.AUDIT_ERRORS, audit.errors)
    yield Reading(families.AUDIT_COPIES_DROPPED, audit.copies_dropped)


def _runs(parts: Parts) -> Iterator[Reading]:
    executions = parts.services.calls.executions
    yield Reading(families.RUNS_ACTIVE, executions.active)
    yield Reading(families.RUNS_WAITING, executions.waiting)


def _catalogue(parts: Parts) -> Iterator[Reading]:
    tools = parts.services.calls.tools
    age = parts.health.age_seconds
    yield Reading(families.CATALOGUE_AGE, nan if age is None else age)
    yield Reading(families.CATALOGUE_FAILURES, tools.discovery.health.failures_in_all)
    toolbox = tools.toolbox
    yield Reading(families.CATALOGUE_TOOLS, len(toolbox.tools) if toolbox else 0, ["tool"])
    yield Reading(families.CATALOGUE_TOOLS, len(toolbox.withheld) if toolbox else 0, ["withheld"])


def _identity(gate: Gate) -> Iterator[Reading]:
    yield Reading(families.STREAMS, len(gate.streams))
    yield Reading(families.TOKENS_FILE_OK, float(gate.tokens_are_read))
    for issuer, age in gate.key_set_ages().items():
        yield Reading(families.KEY_SET_AGE, nan if age is None else age, [issuer])
