"""What is counted of what happens."""

from opsmcp_pipelines.source_request import SourceRequest
from opsmcp_server.calls.observed import (
    ArgumentsRefused,
    CallDecided,
    ConsentAnswered,
    ExpressionFailed,
    IncidentMoved,
    InspectionBegun,
    JournalWritten,
    Limited,
    ModelAsked,
    Notified,
    Observed,
    RequestMoved,
    SenderRead,
    SignalsRefused,
    SignalsTaken,
    TokenRefused,
)
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.labels import NONE, ToolNames, status_label
from opsmcp_server.telemetry.metrics import Metrics, Reading
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.events import CallRefused, RunEnded

__all__ = ["EventMetrics"]


class EventMetrics:
    """An observer that counts."""

    def __init__(self, metrics: Metrics, names: ToolNames) -> None:
        """Count in `metrics`."""
        self._metrics, self._names = metrics, names

    def __call__(self, event: Observed, /) -> None:
        """Count one."""
        match event:
            case RunEnded(record):
                self._run_ended(record)
            case SourceRequest(_, status, _, seconds):
                self._metrics.observe(families.SOURCE_DURATION, seconds, status_label(status))
            case JournalWritten(seconds, error):
                self._metrics.observe(families.JOURNAL_WRITE, seconds)
                self._metrics.count(families.JOURNAL_ERRORS, by=1 if error else 0)
            case ArgumentsRefused(reasons):
                for reason in reasons:
                    self._metrics.count(families.REFUSED_ARGUMENTS, reason)
            case _:
                self._count(event)

    def _count(self, event: Observed) -> None:
        match event:
            case CallRefused():
                self._metrics.count(families.CALLS_REFUSED)
            case CallDecided(word):
                self._metrics.count(families.DECISIONS, word)
            case ConsentAnswered(word):
                self._metrics.count(families.CONSENTS, word)
            case TokenRefused(word):
                self._metrics.count(families.AUTH_REFUSED, word)
            case Limited(word):
                self._metrics.count(families.RATE_LIMITED, word)
            case _:
                self._count_signals(event)

    def _count_signals(self, event: Observed) -> None:
        metrics = self._metrics
        match event:
            case SignalsTaken(sender, new, known, seconds, lags):
                metrics.observe(families.INTAKE, seconds)
                for lag in lags:
                    metrics.observe(families.SIGNAL_LAG, lag, sender)
                metrics.count(families.SIGNALS_DUPLICATE, sender, by=known)
                for status, count in new.items():
                    metrics.count(families.SIGNALS, sender, status, by=count)
            case SignalsRefused(sender, reason, count):
                metrics.count(families.SIGNALS_REFUSED, sender or NONE, reason, by=count)
            case SenderRead(sender, is_connected):
                metrics.take([Reading(families.SENDER_CONNECTED, float(is_connected), [sender])])
            case ExpressionFailed(responder):
                metrics.count(families.EXPRESSION_ERRORS, responder)
            case _:
                self._count_responses(event)

    def _count_responses(self, event: Observed) -> None:
        metrics = self._metrics
        match event:
            case IncidentMoved():
                self._incident_moved(event)
            case ModelAsked(responder, tokens):
                metrics.count(families.AGENT_TOKENS, responder, by=tokens)
            case RequestMoved(state, seconds):
                metrics.count(families.REQUESTS, state)
                if state not in ("pending", "started"):
                    metrics.observe(families.REQUEST_WAIT, seconds)
            case InspectionBegun(seconds):
                metrics.observe(families.SCHEDULE_LATE, seconds)
            case Notified(channel, result):
                metrics.count(families.NOTIFICATIONS, channel, result)
            case _:
                pass

    def _incident_moved(self, event: IncidentMoved) -> None:
        responder = event.responder
        if event.verdict:
            self._metrics.count(families.RESPONDER_RUNS, responder, event.verdict)
        if event.helped is not None:
            self._metrics.count(families.VERIFICATIONS, responder, "yes" if event.helped else "no")
        if event.held:
            self._metrics.count(families.HELD, event.held)
        if event.outcome:
            self._metrics.count(families.INCIDENTS, responder, event.outcome)

    def _run_ended(self, record: RunRecord) -> None:
        tool = self._names.label(record.tool)
        self._metrics.count(families.RUNS, tool, str(record.verdict))
        if (seconds := record.duration_seconds) is not None:
            self._metrics.observe(families.RUN_DURATION, seconds, tool)
        ended, seen = record.result.ended_at, record.observed_at
        if ended is not None and seen is not None:
            self._metrics.observe(families.RUN_SEEN_LATE, (seen - ended).total_seconds())
