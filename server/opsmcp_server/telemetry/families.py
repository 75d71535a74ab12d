"""Every metric: its name, its kind, what it means and its labels. Frozen data.

Names of `mcp_` and `http_` are those of OpenTelemetry's conventions
(open-telemetry/semantic-conventions-genai, model/mcp/metrics.yaml; HTTP metrics), written as
Prometheus writes them. A label has few values: a tool of the catalogue, a word of ours, a name of
the settings; never a principal, a host or a run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from opsmcp_server.identity.refusal import Reason
from opsmcp_server.protocol.elicitation import Answer
from opsmcp_tools.approval_requests.request import State as RequestState
from opsmcp_tools.incidents.machine import HOLDS
from opsmcp_tools.policy.rules import Effect

__all__ = ["BUCKETS", "FAMILIES", "Family", "Kind"]

BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of histograms, in seconds; those of the convention for MCP."""

FINE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 8.0)
"""Of what has to be quick: the event loop, the journal."""


class Kind(StrEnum):
    """How its values are to be read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = ()
    begins: tuple[str, ...] = ()
    """Values of its only label that stand at zero from the start: what appears with its first
    value never rose, as Prometheus sees it."""


def _counter(name: str, meaning: str, *labels: str, begins: Iterable[str] = ()) -> Family:
    return Family(f"opsmcp_{name}_total", Kind.COUNTER, meaning, labels, (), tuple(begins))


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"opsmcp_{name}", Kind.GAUGE, meaning, labels)


def _seconds(name: str, meaning: str, *labels: str, buckets: Sequence[float] = BUCKETS) -> Family:
    return Family(f"{name}_seconds", Kind.HISTOGRAM, meaning, labels, buckets)


OPERATION_DURATION = _seconds(
    "mcp_server_operation_duration",
    "How long requests of MCP took. error_type: the code of a protocol error, or tool_error",
    "mcp_method_name",
    "gen_ai_tool_name",
    "error_type",
    "network_transport",
    "mcp_protocol_version",
)
SESSION_DURATION = _seconds(
    "mcp_server_session_duration",
    "How long sessions of clients before 2026-07-28 lasted, counted when they end",
    "mcp_protocol_version",
    "network_protocol_name",
    "error_type",
)
HTTP_DURATION = _seconds(
    "http_server_request_duration",
    "How long HTTP requests took, streams included",
    "http_request_method",
    "http_route",
    "http_response_status_code",
)
RUNS = _counter("runs", "Runs that ended, by tool and verdict", "tool", "verdict")
RUN_DURATION = _seconds("opsmcp_run_duration", "How long runs took, by their source", "tool")
RUN_SEEN_LATE = _seconds(
    "opsmcp_run_seen_late",
    "How long after the end of a run its verdict was known here, by the clocks of both",
)
RUNS_ACTIVE = _gauge("runs_active", "Runs that are followed now")
RUNS_WAITING = _gauge("runs_waiting", "Calls that wait until another run ends (run.limit)")
CALLS_REFUSED = _counter("calls_refused", "Calls that were accepted and did not become a run")
DECISIONS = _counter(
    "decisions", "What policy said of calls, each time one was prepared", "effect", begins=Effect
)
CONSENTS = _counter(
    "consents",
    "What came of asking the person at the client",
    "answer",
    begins=(one.name.lower() for one in Answer),
)
REFUSED_ARGUMENTS = _counter(
    "refused_arguments",
    "Calls whose arguments did not fit; one with several faults counts in each",
    "reason",
    begins=("value", "missing", "undeclared", "size"),
)
CATALOGUE_AGE = _gauge(
    "catalogue_age_seconds", "How long ago the whole source was read well; NaN if it never was"
)
CATALOGUE_FAILURES = _counter("catalogue_refresh_failures", "Readings of the source that failed")
CATALOGUE_TOOLS = _gauge("catalogue_tools", "Operations, as tools or withheld", "state")
SOURCE_DURATION = _seconds(
    "opsmcp_source_request_duration",
    "How long requests to the Ops server took; code none: no whole answer came",
    "code",
)
AUTH_REFUSED = _counter(
    "auth_refused",
    "Requests that were refused for their token",
    "reason",
    begins=(one for one in Reason if one is not Reason.LIMITED),
)
RATE_LIMITED = _counter(
    "rate_limited",
    "What was refused by a limit of the settings",
    "limit",
    begins=(
        "calls_per_minute",
        "requests_per_minute",
        "streams_per_principal",
        "unauthenticated_per_minute",
    ),
)
KEY_SET_AGE = _gauge(
    "key_set_age_seconds", "How long ago the keys of an issuer were fetched; NaN: never", "issuer"
)
TOKENS_FILE_OK = _gauge("tokens_file_ok", "Whether the files of personal tokens can be read (1)")
JOURNAL_WRITE = _seconds(
    "opsmcp_journal_write", "How long transactions of the journal took", buckets=FINE_BUCKETS
)
JOURNAL_ERRORS = _counter("journal_errors", "Transactions of the journal that were not kept")
AUDIT_LAST_SEQ = _gauge("audit_last_seq", "The number of the last line of the audit trail")
AUDIT_ERRORS = _counter("audit_errors", "Times that lines of the audit trail could not be written")
AUDIT_COPIES_DROPPED = _counter(
    "audit_copies_dropped", "Copies of lines of the audit trail that were dropped or refused"
)
LOOP_LAG = _seconds(
    "opsmcp_event_loop_lag",
    "How late the event loop came back to a task that slept, looked at twice a second",
    buckets=FINE_BUCKETS,
)
SIGNALS = _counter("signals", "Signals that came in for the first time", "sender", "status")
SIGNALS_DUPLICATE = _counter("signals_duplicate", "Signals that had come in before", "sender")
SIGNALS_REFUSED = _counter(
    "signals_refused",
    "Deliveries and signals that were not taken in; sender none: a name that no sender has",
    "sender",
    "reason",
)
SIGNAL_LAG = _seconds(
    "opsmcp_signal_lag",
    "How long after it was so, as its sender says, a signal came in",
    "sender",
    buckets=(1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0),
)
SENDER_CONNECTED = _gauge(
    "sender_connected",
    "Whether a sender whose events are read could be read when it was last tried (1)",
    "sender",
)
INTAKE = _seconds("opsmcp_intake", "How long it took to take a delivery in and record it")
INCIDENTS = _counter("incidents", "Incidents that were closed", "responder", "outcome")
INCIDENTS_OPEN = _gauge("incidents_open", "Incidents that are not closed", "state")
HELD = _counter("held", "Incidents that were held", "reason", begins=HOLDS.values())
BREAKERS_OPEN = _gauge("breakers_open", "Breakers that are open, each of one responder and key")
EXPRESSION_ERRORS = _counter(
    "expression_errors",
    "Expressions of responders that could not be evaluated on what came in",
    "responder",
)
RESPONDER_RUNS = _counter("responder_runs", "Runs of incidents that ended", "responder", "verdict")
AGENT_TOKENS = _counter(
    "agent_tokens", "Tokens that the models of responders were sent and answered", "responder"
)
VERIFICATIONS = _counter(
    "verifications",
    "Runs of incidents of which it is known whether they helped (yes) or not (no)",
    "responder",
    "result",
)
REQUESTS = _counter(
    "requests",
    "Requests for approval that got a state; pending: that were made",
    "state",
    begins=RequestState,
)
REQUEST_WAIT = _seconds(
    "opsmcp_request_wait",
    "How long requests waited until they were approved, rejected, expired or void",
    buckets=(10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0, 86_400.0),
)
NOTIFICATIONS = _counter(
    "notifications",
    "Messages to channels: sent, dead (refused, not sent again) or again (sent again later)",
    "channel",
    "result",
)
OUTBOX_OLDEST = _gauge(
    "outbox_oldest_seconds", "How long the oldest message that is due waits; 0: none does"
)
SCHEDULE_LATE = _seconds(
    "opsmcp_schedule_late", "How long after they were due inspections began, jitter aside"
)
SESSIONS = _gauge("sessions", "Clients before 2026-07-28 that are connected")
STREAMS = _gauge("streams", "Streams of clients that wait for news")
CONNECTIONS = _gauge("connections", "Connections over HTTP")
READY = _gauge("ready", "Whether /readyz says ready (1)")
BUILD_INFO = _gauge("build_info", "1, with the version of opsmcp", "version")

FAMILIES: Sequence[Family] = [one for one in vars().values() if isinstance(one, Family)]
"""All of the above."""
