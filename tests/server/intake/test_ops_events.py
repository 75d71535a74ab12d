"""Events of the Ops platform as signals: those recorded of a real one, and what they become."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opsmcp_pipelines.models import Host
from opsmcp_pipelines.platform_events import PlatformEvent, is_pattern, parse_event
from opsmcp_server.intake.ops_events import Unread, host_by_hostname, read_ops, signals_of
from opsmcp_server.intake.reading import Delivery, Unreadable
from opsmcp_tools.incidents.correlation import Correlation
from opsmcp_tools.incidents.responder import Bounds, Mode, Responder, Responders
from opsmcp_tools.incidents.signal import Signal, Status
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from opsmcp_tools.incidents.store import Position
from tests.recorded_ops import load
from tests.tools.incidents.signals import NOW

_STREAM = Path(__file__).resolve().parents[2] / "recordings" / "events-stream.jsonl"
_HOSTS = "ops.clusters.c1.namespaces.ops-system.hosts"
_DELIVERY = Delivery("ops", {}, b"", NOW, trusted=False)

_ANOMALIES = {
    *(f"default/hosts/away-{n}/" for n in range(3)),
    *(f"default/hosts/js-{n}/" for n in range(5)),
    *(
        f"default/hosts/{host}/alert-hosts-disk"
        for host in ("db-1", "db-1.example.com", "h.with.dots", "r0", "r1", "r2", "r4", "r5")
    ),
    "other/hosts/h/alert-hosts-disk",
    "default/hosts/hxe/heartbeat",
    *(
        f"ops.clusters.default.{what}"
        for what in (
            "namespaces.default.pods.q1.events/OOMKilled",
            "namespaces.default.pods.web-0.events/BackOff",
            "namespaces.default.pods.web.a-0.events/Evicted",
            "nodes.worker1.events/NodeNotReady",
            "nodes.worker2.dc1.example.com.events/DiskPressure",
        )
    ),
}


def _recorded() -> tuple[Sequence[PlatformEvent], int]:
    lines = [json.loads(line) for line in _STREAM.read_text("utf-8").splitlines()]
    read = [parse_event(line["subject"], line["data"]) for line in lines]
    return [one for one in read if one], read.count(None)


def _event(kind: str, subject: str, data: dict[str, Any], **more: str) -> PlatformEvent:
    fields = {"specversion": "1.0", "id": "e-1", "type": kind, "data": data, **more}
    event = parse_event(subject, fields)
    assert event is not None
    return event


def _only(event: PlatformEvent, *hosts: Host) -> Signal:
    (signal,) = signals_of(_DELIVERY, [event], host_by_hostname(hosts)).signals
    return signal


def _report(**data: str) -> PlatformEvent:
    told = {"host": "db-1", "kind": "alert-hosts-disk", "status": "alerting", **data}
    return _event("TaskRunReport", f"{_HOSTS}.db-1.findings", told)


def test_the_recorded_stream_gives_one_incident_for_each_anomaly(tmp_path: Path) -> None:
    events, junk = _recorded()
    with open_incident_file(tmp_path) as file:
        correlation = Correlation(Responders([Responder("all", mode=Mode.NOTIFY)]), Bounds())
        store = SqliteSignals(file, correlation)
        for again in range(2):
            for event in events:
                signals = signals_of(_DELIVERY, [event], host_by_hostname(())).signals
                store.record_read(signals, Position("ops", "ops.>", NOW))
            incidents = [one for _, one in SqliteIncidents(file, "me").list(limit=1000)]
            assert {one.key for one in incidents} == _ANOMALIES, f"read {again + 1} times"
            assert len(incidents) == len(_ANOMALIES)
        assert not [one for one in store.signals(limit=1000) if one.status is Status.RESOLVED]
        assert not [one for one in store.signals(limit=1000) if one.trusted]
    assert (len(events), junk) == (283, 2)


def test_a_run_s_suffix_is_no_part_of_an_inspection() -> None:
    suffixes = {
        "alert-hosts-disk-xvs76": "alert-hosts-disk",
        "alert-node-ready": "alert-node-ready",
        "alert-hosts-disk": "alert-hosts-disk",
    }
    for kind, inspection in suffixes.items():
        signal = _only(_report(kind=kind))
        assert signal.labels["inspection"] == inspection
        assert signal.key == f"c1/hosts/db-1/{inspection}"


@pytest.mark.parametrize(
    ("hosts", "named"),
    [
        (("db-one", "vm\n"), "db-one"),
        (("db-one", "VM"), "db-one"),
        (("db-one", "other"), None),
        (("db-one", "vm", "db-two", "vm"), None),
    ],
)
def test_a_host_is_named_where_exactly_one_has_the_hostname(
    hosts: Sequence[str], named: str | None
) -> None:
    pairs = zip(hosts[::2], hosts[1::2], strict=True)
    held = [Host(name, "ops-system", hostname=hostname) for name, hostname in pairs]
    labels = _only(_report(host="vm\n"), *held).labels
    assert (labels.get("host"), labels["hostname"]) == (named, "vm")


def test_what_an_inspection_finds_and_no_longer_finds_are_of_one_key() -> None:
    found, over = _only(_report(value="91")), _only(_report(status="normal"))
    assert (found.status, over.status) == (Status.FIRING, Status.RESOLVED)
    assert found.key == over.key
    assert found.annotations["value"] == "91"
    assert found.places == {"cluster": "c1"}


def test_an_update_by_kubernetes_is_the_same_delivery() -> None:
    data = {"type": "Warning", "reason": "BackOff", "eventTime": "2026-11-30T00:33:54.8Z"}
    subject = "ops.clusters.c1.namespaces.default.pods.web.a-0.events"
    first, again = (_only(_event("Kube", subject, data, id=one)) for one in ("e-1", "e-2"))
    assert first.delivery_id == again.delivery_id
    assert first.places == {"cluster": "c1", "namespace": "default", "pod": "web.a-0"}
    normal = _event("Kube", subject, {**data, "type": "Normal"})
    assert not signals_of(_DELIVERY, [normal], str).signals


_NESTED: Any = json.loads('{"a": [{}]}')
_STRANGE: Sequence[Any] = (None, 1, _NESTED["a"], _NESTED, "x" * 100_000, "\ud800", "a\nb\x1b[2J")


@pytest.mark.parametrize("value", _STRANGE, ids=range(len(_STRANGE)))
@pytest.mark.parametrize("kind", ["TaskRunReport", "Kube", "Host", "Cluster", "Default"])
def test_nothing_that_a_stranger_publishes_raises(kind: str, value: Any) -> None:
    names = ("kind", "status", "host", "message", "type", "reason", "eventTime", "severity")
    shapes: list[dict[str, Any]] = [dict.fromkeys(names, value), {"status": {"heartStatus": value}}]
    for data in shapes:
        for name, text in (("", ""), ("status", "alerting"), ("type", "Warning")):
            event = _event(kind, f"{_HOSTS}.a..b\n.c.findings", {**data, name: text})
            for signal in signals_of(_DELIVERY, [event], str).signals:
                assert not signal.trusted
                assert len(signal.key.encode()) <= 512


def test_a_report_on_any_other_subject_is_left_out_and_counted() -> None:
    event = _event("TaskRunReport", "ops.evil", {"status": "alerting"})
    found = signals_of(_DELIVERY, [event], str)
    assert (found.signals, found.left_out) == ([], {Unread.SUBJECT: 1})


def test_a_file_may_hold_an_answer_of_ops_or_one_event() -> None:
    event = load("events-get-nats-one-subject")["body"]["data"]["list"][0]["event"]
    event |= {"type": "TaskRunReport", "data": {"status": "alerting"}}
    entry = {"subject": event["subject"], "event": event}
    for body in (event, {"code": 0, "data": {"list": [entry, {"event": 1}]}}):
        found = read_ops(Delivery("ops", {}, json.dumps(body).encode(), NOW, trusted=False))
        assert [one.key for one in found.signals] == ["default/hosts/h1/"]
    with pytest.raises(Unreadable):
        read_ops(Delivery("ops", {}, b'{"data": {}}', NOW, trusted=False))


def test_reading_twice_neither_repeats_nor_brings_back(tmp_path: Path) -> None:
    found, over = _only(_report()), _only(_report(status="normal"))
    position = Position("ops", "ops.>", NOW)
    with open_incident_file(tmp_path) as file:
        store = SqliteSignals(file, Correlation(Responders([Responder("all")]), Bounds()))
        assert not store.record_read([over], position).new, "all was well before"
        assert store.record_read([found], position).new == (found,)
        assert store.record_read([found], position).known == (found,)
        assert len(SqliteIncidents(file, "me").list()) == 1
        back = Position("ops", "ops.>", NOW - timedelta(hours=1))
        store.record_read([], back)
        assert store.position("ops", "ops.>") == NOW
        assert store.position("ops", "ops.other") is None


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("ops.clusters.*.nodes.>", True),
        ("ops.>", True),
        ("ops", True),
        ("ops.>.a", False),
        ("other.>", False),
        ("ops.a b", False),
        ("ops.a*", False),
        ("ops..a", False),
    ],
)
def test_a_pattern_is_one_of_subjects_of_ops(text: str, good: bool) -> None:
    assert is_pattern(text) is good
