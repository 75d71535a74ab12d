"""The metrics of a server that was used, and what relies on their names."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from opsmcp_server.calls.late_incidents import LateIncidents
from opsmcp_server.calls.observed import (
    ExpressionFailed,
    IncidentMoved,
    InspectionBegun,
    ModelAsked,
    Notified,
    SenderRead,
    SignalsTaken,
)
from opsmcp_server.telemetry.event_metrics import EventMetrics
from opsmcp_server.telemetry.families import FAMILIES, Family
from opsmcp_server.telemetry.incident_readings import read_incidents
from opsmcp_server.telemetry.labels import ToolNames
from opsmcp_server.telemetry.metrics import Metrics
from opsmcp_tools.model.run_record import SystemClock
from tests.docs.settings_reference import ROOT
from tests.server.telemetry.conftest import Seen
from tests.server.telemetry.watched import HOSTILE, SECRET, TOKEN

DASHBOARD = ROOT / "deploy" / "grafana" / "opsmcp.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"

Samples = dict[str, list[dict[str, str]]]


@pytest.fixture
def scrape(seen: Seen) -> str:
    """What Prometheus gets."""
    return seen.scrape


@pytest.fixture
def samples(scrape: str) -> Samples:
    """By the names of samples, the labels of each."""
    found: Samples = {}
    for family in text_string_to_metric_families(scrape):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


def _value(scrape: str, name: str, **labels: str) -> float:
    values = [
        sample.value
        for family in text_string_to_metric_families(scrape)
        for sample in family.samples
        if sample.name == name and sample.labels.items() >= labels.items()
    ]
    return sum(values)


def _sample_names(family: Family) -> list[str]:
    parts = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    return [f"{family.name}{part}" for part in parts]


_RUNS, _HELPED = "opsmcp_responder_runs_total", "opsmcp_verifications_total"
_TOKENS = "opsmcp_agent_tokens_total"
_OF_RUNS_OF_RESPONDERS = {_RUNS, _HELPED, _TOKENS}
"""Those need definitions that were approved, or a model: below they are counted without a server.
"""

_NO_TOOLS: Any = SimpleNamespace(toolbox=None)

_COUNTS: Sequence[tuple[str, dict[str, str], float]] = [
    ("opsmcp_runs_total", {"tool": "show-good", "verdict": "succeeded"}, 2),
    ("opsmcp_runs_total", {"tool": "show-bad", "verdict": "failed"}, 2),
    ("opsmcp_runs_total", {"tool": "delete-thing"}, 0),
    ("opsmcp_run_duration_seconds_count", {"tool": "show-good"}, 2),
    ("opsmcp_decisions_total", {"effect": "allow"}, 4),
    ("opsmcp_decisions_total", {"effect": "confirm"}, 2),
    ("opsmcp_decisions_total", {"effect": "deny"}, 0),
    ("opsmcp_consents_total", {"answer": "could_not_ask"}, 2),
    ("opsmcp_refused_arguments_total", {"reason": "missing"}, 2),
    ("opsmcp_refused_arguments_total", {"reason": "undeclared"}, 2),
    ("opsmcp_refused_arguments_total", {"reason": "value"}, 2),
    ("opsmcp_auth_refused_total", {"reason": "malformed"}, 1),
    ("opsmcp_decisions_total", {"effect": "approve"}, 1),
    ("opsmcp_requests_total", {"state": "pending"}, 1),
    ("opsmcp_signals_total", {"sender": "am", "status": "firing"}, 1),
    ("opsmcp_signals_total", {"sender": "am", "status": "resolved"}, 1),
    ("opsmcp_signals_duplicate_total", {"sender": "am"}, 1),
    ("opsmcp_signals_refused_total", {"sender": "am"}, 1),
    ("opsmcp_signals_refused_total", {"sender": "none"}, 1),
    ("opsmcp_intake_seconds_count", {}, 3),
    ("opsmcp_incidents_total", {"responder": "tell", "outcome": "resolved"}, 1),
    ("opsmcp_signal_lag_seconds_count", {"sender": "am"}, 2),
    ("opsmcp_incidents_open", {}, 0),
    ("opsmcp_held_total", {}, 0),
    ("opsmcp_breakers_open", {}, 0),
    ("opsmcp_expression_errors_total", {"responder": "tell"}, 0),
    ("opsmcp_audit_errors_total", {}, 0),
    ("opsmcp_audit_copies_dropped_total", {}, 0),
    ("opsmcp_catalogue_tools", {"state": "tool"}, 4),
    ("opsmcp_ready", {}, 1),
    ("opsmcp_tokens_file_ok", {}, 1),
    ("opsmcp_journal_errors_total", {}, 0),
    (
        "mcp_server_operation_duration_seconds_count",
        {"gen_ai_tool_name": "show-good", "error_type": ""},
        2,
    ),
    (
        "mcp_server_operation_duration_seconds_count",
        {"gen_ai_tool_name": "show-bad", "error_type": "tool_error"},
        2,
    ),
    (
        "mcp_server_operation_duration_seconds_count",
        {"gen_ai_tool_name": "other", "error_type": "-32602"},
        2,
    ),
    ("mcp_server_operation_duration_seconds_count", {"mcp_method_name": "tools/list"}, 3),
    ("mcp_server_operation_duration_seconds_count", {"mcp_method_name": "initialize"}, 1),
    ("mcp_server_session_duration_seconds_count", {"mcp_protocol_version": "2025-11-25"}, 1),
    (
        "http_server_request_duration_seconds_count",
        {"http_route": "/mcp", "http_response_status_code": "401"},
        1,
    ),
    (
        "http_server_request_duration_seconds_count",
        {"http_request_method": "_OTHER", "http_route": ""},
        1,
    ),
]


def test_what_happened_was_counted(scrape: str) -> None:
    counted = [(name, labels, _value(scrape, name, **labels)) for name, labels, _ in _COUNTS]
    assert counted == _COUNTS


def test_what_the_source_was_asked_and_what_was_written_was_timed(scrape: str) -> None:
    for name in ("source_request_duration", "journal_write", "event_loop_lag"):
        assert _value(scrape, f"opsmcp_{name}_seconds_count") > 0, name


def test_the_audit_trail_and_the_outbox_are_looked_at(scrape: str) -> None:
    assert _value(scrape, "opsmcp_audit_last_seq") > 10
    assert _value(scrape, "opsmcp_notifications_total", channel="hook", result="dead") >= 1
    assert 0 <= _value(scrape, "opsmcp_outbox_oldest_seconds") < 600


def test_nothing_that_a_client_sent_is_in_a_label(scrape: str) -> None:
    for sent in (SECRET, TOKEN, "evil", HOSTILE.encode().hex(), "hello"):
        assert sent not in scrape.lower()


def test_no_label_names_who_called_where_or_which_run(samples: Samples) -> None:
    labels = {name for found in samples.values() for one in found for name in one}
    assert labels <= {label for one in FAMILIES for label in one.labels} | {"le"}
    assert not labels & {"principal", "user", "host", "cluster", "run", "address", "client"}


def test_every_metric_is_in_the_scrape(samples: Samples) -> None:
    missing = [name for family in FAMILIES for name in _sample_names(family) if name not in samples]
    assert set(missing) == _OF_RUNS_OF_RESPONDERS


async def test_runs_of_responders_are_counted_with_what_came_of_them() -> None:
    metrics = Metrics()
    count = EventMetrics(metrics, ToolNames(_NO_TOOLS))
    count(IncidentMoved("mend", verdict="succeeded"))
    count(IncidentMoved("mend", helped=True, outcome="recovered"))
    count(IncidentMoved("mend", verdict="failed", helped=False))
    count(ModelAsked("mend", 700))
    text = (await metrics.text()).decode()
    runs = {(verdict, _value(text, _RUNS, verdict=verdict)) for verdict in ("succeeded", "failed")}
    assert runs == {("succeeded", 1), ("failed", 1)}
    assert _value(text, _TOKENS, responder="mend") == 700
    helped = {(result, _value(text, _HELPED, result=result)) for result in ("yes", "no")}
    assert helped == {("yes", 1), ("no", 1)}


async def test_what_becomes_of_signals_inspections_and_messages_is_counted() -> None:
    metrics = Metrics()
    count = EventMetrics(metrics, ToolNames(_NO_TOOLS))
    count(IncidentMoved("mend", held="cooldown"))
    count(ExpressionFailed("mend"))
    count(InspectionBegun(1.5))
    count(Notified("room", "again"))
    count(SignalsTaken("am", {"firing": 2}, 0, 0.1, (3.0, -1.0)))
    for is_connected in (True, False):
        count(SenderRead("ops", is_connected))
    text = (await metrics.text()).decode()
    for line in (
        'opsmcp_held_total{reason="cooldown"} 1.0',
        'opsmcp_held_total{reason="breaker"} 0.0',
        'opsmcp_expression_errors_total{responder="mend"} 1.0',
        "opsmcp_schedule_late_seconds_sum 1.5",
        'opsmcp_notifications_total{channel="room",result="again"} 1.0',
        'opsmcp_signal_lag_seconds_sum{sender="am"} 3.0',
        'opsmcp_sender_connected{sender="ops"} 0.0',
    ):
        assert f"{line}\n" in text


def test_what_cannot_be_read_of_incidents_is_not_a_number(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder", "utf-8")
    context: Any = SimpleNamespace(incidents=LateIncidents(tmp_path / "state"), clock=SystemClock())
    found = read_incidents(context)
    assert {one.family.name for one in found} == {
        "opsmcp_incidents_open",
        "opsmcp_breakers_open",
        "opsmcp_outbox_oldest_seconds",
    }
    assert all(isnan(one.value) for one in found)


def _expressions() -> Iterator[tuple[str, str]]:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        yield variable["name"], variable["definition"]
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


_OF_PROMETHEUS = {"job", "instance", "le"}
_METRIC = re.compile(r"\b((?:opsmcp|mcp|http|process)_\w+)(?:\{([^}]*)\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def test_every_metric_and_label_that_is_asked_for_is_there(samples: Samples) -> None:
    for title, expression in _expressions():
        _check(samples, title, expression)


def _check(samples: Samples, title: str, expression: str) -> None:
    labels = {label for one in FAMILIES for label in one.labels}
    text = re.sub(r'"[^"]*"', '""', expression)
    named = [name for name, _ in _METRIC.findall(text) if name not in labels]
    assert named, title
    assert set(named) <= samples.keys() | _OF_RUNS_OF_RESPONDERS, title
    known = {label for family in FAMILIES for label in family.labels if _is_of(family, named)}
    matched = {
        part.split("=")[0].split("!")[0]
        for _, inside in _METRIC.findall(text)
        for part in inside.split(",")
        if part
    }
    grouped = {one.strip() for inside in _GROUPED.findall(text) for one in inside.split(",")}
    assert matched | grouped <= known | _OF_PROMETHEUS, title


def _is_of(family: Family, names: list[str]) -> bool:
    return bool(set(_sample_names(family)) & set(names))


def _panels() -> list[dict[str, Any]]:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [panel for panel in panels if panel["type"] != "row"]


def test_every_panel_says_what_it_shows_in_which_unit() -> None:
    assert len(_panels()) > 20
    for panel in _panels():
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
        assert all(target["datasource"]["uid"] == "${DS_PROMETHEUS}" for target in panel["targets"])


def test_no_two_panels_stand_in_one_place() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_alert_says_what_it_means_and_how_bad_it_is() -> None:
    rules = [
        rule
        for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description"} == rule["annotations"].keys()
        assert f"`{rule['alert']}`" in page


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_can_read_the_alerts_and_the_metrics(scrape: str) -> None:
    rules = subprocess.run(
        ["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True, timeout=60
    )
    assert rules.returncode == 0, rules.stderr
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr
