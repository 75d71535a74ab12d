"""What each type of sender says becomes signals; what makes no sense costs itself alone."""

import json
import random
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from opsmcp_server.config.sender import Sender, SenderType
from opsmcp_server.intake.alerts import read_alerts
from opsmcp_server.intake.cloud_events import read_cloud_events
from opsmcp_server.intake.mapped_json import MappedJson
from opsmcp_server.intake.pagerduty import read_pagerduty
from opsmcp_server.intake.reading import Delivery, Unreadable, fingerprint
from opsmcp_tools.incidents.signal import Severity, Status
from tests.server.intake.senders import alert, body_of, group

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def delivery(value: Any, **headers: str) -> Delivery:
    body = value if isinstance(value, bytes) else body_of(value)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Delivery("x", named, body, NOW, trusted=True)


# Alertmanager and Grafana


def test_each_alert_is_looked_at_whatever_its_group_says() -> None:
    fires, over = alert(1), alert(2, status="resolved", endsAt="2026-11-30T12:20:00Z")
    first, second = read_alerts(delivery(group(fires, over))).signals
    assert (first.status, first.key, first.kind) == (Status.FIRING, f"{1:016x}", "NodeDiskFull")
    assert first.severity is Severity.CRITICAL
    assert first.at == datetime(2026, 11, 30, 12, 0, 0, 123456, UTC)
    assert first.places == {"instance": "h1"}
    assert first.annotations == {"summary": "Disk of h1 is 91 % full"}
    assert first.data["receiver"] == "opsmcp"
    assert (second.status, second.at) == (
        Status.RESOLVED,
        datetime(2026, 11, 30, 12, 20, tzinfo=UTC),
    )


def test_the_same_start_is_the_same_delivery_and_its_end_and_the_next_start_are_others() -> None:
    again = "2026-11-30T13:00:00Z"
    sent = group(alert(), alert(), alert(status="resolved"), alert(startsAt=again), alert(2))
    ids = [one.delivery_id for one in read_alerts(delivery(sent)).signals]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_an_alert_without_fingerprint_is_known_by_its_labels() -> None:
    plain = alert()
    del plain["fingerprint"]
    turned = {**plain, "labels": dict(reversed(plain["labels"].items()))}
    first, second = read_alerts(delivery(group(plain, turned))).signals
    assert first.key == second.key != ""


def test_what_grafana_adds_is_kept() -> None:
    sent = group(alert(valueString="[ var='B' value=91 ]", values={"B": 91}), orgId=1, version="1")
    (signal,) = read_alerts(delivery(sent)).signals
    assert signal.data["values"] == {"B": 91}
    assert signal.data["orgId"] == 1


@pytest.mark.parametrize(
    "odd", [None, 1, "x", [], {}, {"status": "firing"}, {"status": "odd", "labels": {"a": "b"}}]
)
def test_an_alert_that_makes_no_sense_costs_itself_alone(odd: Any) -> None:
    found = read_alerts(delivery(group(alert(1), odd, alert(2))))
    assert len(found.signals) == 2
    assert found.left_out == {"alert without status or labels": 1}


def test_more_alerts_than_are_read_and_those_the_sender_left_out_are_counted() -> None:
    short = {"status": "firing", "labels": {"a": "b"}}
    found = read_alerts(delivery(group(*([short] * 10_003), truncatedAlerts=7)))
    assert len(found.signals) == 10_000
    assert found.left_out == {
        "more than 10,000 alerts at once": 3,
        "alert left out by the sender (max_alerts)": 7,
    }


def test_texts_stay_as_they_are_whatever_is_in_them() -> None:
    hostile = "h1;touch /tmp/x\n${x} -rf \x01 \u202e"
    (signal,) = read_alerts(delivery(group(alert(labels={"a": hostile, "n": 5})))).signals
    assert signal.labels == {"a": hostile}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"alerts": {}}',
        b'{"alerts": [], "alerts": []}',
        b'{"alerts": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}",
        b'{"alerts": [{"labels": {"a": "\\ud800"}}]}',
        b'{"alerts": ["\xff\xfe"]}',
        b'{"alerts": [NaN]}',
        b'{"alerts": [' + b"1," * 1_000_001 + b"1]}",
    ],
    ids=range(12),
)
def test_a_body_that_is_no_group_of_alerts_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read_alerts(delivery(body))
    assert refused.value.status == 400


# PagerDuty


def event(kind: str = "incident.triggered", **more: Any) -> dict[str, Any]:
    incident = {
        "id": "PGR0VU2",
        "incident_key": "disk/h1",
        "title": "Disk full",
        "urgency": "high",
        "service": {"id": "PF9KMXH", "summary": "storage"},
    }
    told = {
        "id": "01CH754SM17TWPE2V2H4VPBRO7",
        "event_type": kind,
        "occurred_at": "2026-11-30T12:00:00Z",
        "data": incident,
    }
    return {"event": {**told, **more}}


def test_incidents_of_pagerduty_fire_and_resolve() -> None:
    (fires,) = read_pagerduty(delivery(event())).signals
    (ends,) = read_pagerduty(delivery(event("incident.resolved", id="other"))).signals
    assert (fires.status, ends.status) == (Status.FIRING, Status.RESOLVED)
    assert fires.key == ends.key == "disk/h1"
    assert fires.severity is Severity.CRITICAL
    assert fires.labels["service"] == "storage"
    assert fires.delivery_id == "01CH754SM17TWPE2V2H4VPBRO7"


def test_other_events_of_pagerduty_are_accepted_and_make_nothing() -> None:
    found = read_pagerduty(delivery(event("incident.acknowledged")))
    assert found.signals == []
    assert found.left_out == {"event of a type that makes no signal": 1}


def test_an_incident_without_key_is_known_by_its_id_and_an_event_by_its_header() -> None:
    incident = {"id": "PGR0VU2", "incident_key": None}
    sent = event(id=None, data=incident)
    (signal,) = read_pagerduty(delivery(sent, x_webhook_id="w1")).signals
    assert (signal.key, signal.delivery_id) == ("PGR0VU2", "w1")
    bodies: list[Any] = [{}, {"event": {}}, {"event": {"event_type": "incident.triggered"}}, sent]
    for body in bodies:
        with pytest.raises(Unreadable):
            read_pagerduty(delivery(body))


# CloudEvents


def cloud_event(**more: Any) -> CloudEvent:
    attributes = {
        "id": "A234-1234-1234",
        "source": "https://example.com/storage",
        "type": "com.example.object.deleted",
        "time": datetime(2026, 11, 30, 12, 0, tzinfo=UTC),
        "subject": "bücket 100%",
        "datacontenttype": "application/json",
        "specversion": "1.0",
    }
    return CloudEvent({**attributes, **more}, {"size": 1})


@pytest.mark.parametrize("written", [to_structured_event, to_binary_event])
def test_what_the_package_of_cloudevents_writes_is_read(written: Any) -> None:
    message = written(cloud_event(severity="error"))
    headers = {name.lower(): value for name, value in message.headers.items()}
    sent = Delivery("x", headers, message.body, NOW, trusted=True)
    (signal,) = read_cloud_events(sent).signals
    assert signal.status is Status.INFO
    assert signal.severity is Severity.CRITICAL
    assert signal.key == "bücket 100%"
    assert signal.kind == "com.example.object.deleted"
    assert signal.at == datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    assert signal.data == {"size": 1}
    assert signal.delivery_id == fingerprint("https://example.com/storage", "A234-1234-1234")
    assert signal.labels["source"] == "https://example.com/storage"


def test_events_of_a_batch_are_read_one_by_one_and_the_odd_cost_themselves() -> None:
    good = json.loads(to_structured_event(cloud_event()).body)
    batch: list[Any] = [
        good,
        {**good, "id": "b", "data_base64": "eyJhIjogMX0="},
        {**good, "id": ""},
        7,
    ]
    del batch[1]["data"]
    sent = delivery(batch, content_type="application/cloudevents-batch+json; charset=utf-8")
    found = read_cloud_events(sent)
    assert [dict(one.data) for one in found.signals] == [{"size": 1}, {"a": 1}]
    assert sum(found.left_out.values()) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({}, {"content_type": "application/cloudevents+json"}, 400),
        ({}, {"content_type": "application/cloudevents-batch+json"}, 400),
        (b"x", {"content_type": "application/cloudevents+avro"}, 415),
        ({}, {"content_type": "application/json"}, 400),
        ({}, {"ce_specversion": "0.3", "ce_id": "1", "ce_source": "s", "ce_type": "t"}, 400),
        ({}, {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "s"}, 400),
    ],
)
def test_what_is_no_cloud_event_is_refused(body: Any, headers: Any, status: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read_cloud_events(delivery(body, **headers))
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "media", "data"),
    [
        (b"", "text/plain", {}),
        (b"hello", "text/plain", {"value": "hello"}),
        (b"\xff\x00", "application/octet-stream", {"value": "/wA="}),
        (b'{"a": 1, "a": 2}', "application/json", {"value": "eyJhIjogMSwgImEiOiAyfQ=="}),
        (b'{"a": 1}', "application/json", {"a": 1}),
    ],
)
def test_data_of_a_binary_event_is_what_its_type_says_or_base64(
    body: bytes, media: str, data: Any
) -> None:
    names = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
    sent = Delivery("x", {**names, "content-type": media}, body, NOW, trusted=True)
    (signal,) = read_cloud_events(sent).signals
    assert signal.data == data
    assert signal.key == "s"


# JSON by expressions


def mapped(**parts: str) -> MappedJson:
    named = {name.replace("__", "."): source for name, source in parts.items()}
    return MappedJson(Sender("x", SenderType.JSON, map=named))


def test_expressions_say_what_is_what() -> None:
    read = mapped(
        id="string(body.n)",
        key='"svc/" + body.service',
        status="body.state",
        severity="body.level",
        kind='"deploy"',
        at="body.at",
        labels="body.tags",
        labels__by='headers["x-by"]',
        annotations="{'summary': body.service}",
        data="body.more",
    )
    body: dict[str, Any] = {
        "n": 7,
        "service": "web",
        "state": "resolved",
        "level": "fatal",
        "at": "2026-11-30T12:00:00Z",
        "tags": {"a": "b", "n": 3, "ok": True, "none": None, "deep": {}},
        "more": {"x": 1},
    }
    (signal,) = read(delivery(body, x_by="me", authorization="Bearer secret")).signals
    assert (signal.delivery_id, signal.key, signal.status) == ("7", "svc/web", Status.RESOLVED)
    assert signal.severity is Severity.CRITICAL
    assert signal.at == datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    assert signal.labels == {"a": "b", "n": "3", "ok": "true", "by": "me"}
    assert signal.annotations == {"summary": "web"}
    assert signal.data == {"x": 1}


def test_what_is_not_said_has_a_plain_meaning() -> None:
    read = mapped(key="body.k")
    (signal,) = read(delivery({"k": "v"})).signals
    (same,) = read(delivery(b'{ "k":"v" }')).signals
    (other,) = read(delivery({"k": "v", "n": 1})).signals
    assert (signal.status, signal.severity, signal.at) == (Status.FIRING, Severity.WARNING, NOW)
    assert signal.data == {"k": "v"}
    assert signal.delivery_id == same.delivery_id != other.delivery_id


def test_each_item_is_a_body_of_its_own_and_one_that_fails_costs_itself() -> None:
    read = mapped(items="body.jobs", key="body.name", status="body.state")
    jobs = [
        {"name": "a", "state": "firing"},
        {"name": "b"},
        {"name": "c", "state": "odd"},
        {"state": "firing"},
        {"name": "", "state": "firing"},
        {"name": ["x"], "state": "firing"},
        7,
        {"name": "z", "state": "info"},
    ]
    found = read(delivery({"jobs": jobs}))
    assert [one.key for one in found.signals] == ["a", "z"]
    assert found.left_out == {
        "map.status: it has no value": 1,
        "map.status: not of the right kind": 1,
        "map.key: it has no value": 2,
        "map.key: not of the right kind": 2,
    }


def test_more_items_than_are_read_are_counted() -> None:
    found = mapped(items="body", key="string(body)")(delivery(list(range(1_005))))
    assert len(found.signals) == 1_000
    assert found.left_out == {"more than 1,000 items at once": 5}


@pytest.mark.parametrize("items", ["body.missing", "body.text"])
def test_items_that_are_no_list_are_no_delivery(items: str) -> None:
    with pytest.raises(Unreadable, match=r"map\.items"):
        mapped(items=items, key="body.k")(delivery({"text": "x"}))


@pytest.mark.parametrize("at", ["-1e300", "1e300", '"yesterday"', "true", "[1]", '""'])
def test_a_time_that_is_none_makes_no_signal(at: str) -> None:
    found = mapped(key='"k"', at=at)(delivery({}))
    assert found.left_out == {"map.at: not of the right kind": 1}


def test_seconds_since_the_epoch_are_a_time() -> None:
    (signal,) = mapped(key='"k"', at="body.at")(delivery({"at": 1_764_504_000})).signals
    assert signal.at == datetime(2025, 11, 30, 12, 0, tzinfo=UTC)


# Whatever comes

_ODD: list[Any] = [
    *(None, True, 0, -1, 1e308, 2**63, 2**200, "", "x", "\0", "\u202e", "\ud7ff", "é" * 5_000),
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "24:00", "2026-W01", "1.0"),
    *([], {}, [[]], {"a": {}}, [None] * 3, "firing", "resolved", float("inf")),
]


def changed(value: Any, chance: random.Random) -> Any:
    """The same with odd things in a few places, and without a few others."""
    if chance.random() < 0.15:
        return chance.choice(_ODD)
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        kept = {name: inner for name, inner in held.items() if chance.random() > 0.03}
        return {name: changed(inner, chance) for name, inner in kept.items()}
    if isinstance(value, list):
        return [changed(inner, chance) for inner in cast("list[Any]", value)]
    return value


def test_whatever_comes_makes_signals_within_bounds_or_is_refused(seed: int) -> None:
    chance, count = random.Random(seed), 0
    cloud = json.loads(to_structured_event(cloud_event()).body)
    both = {**cloud, "data_base64": "eyJhIjogMX0="}
    entry: dict[str, Any] = {
        "id": "1",
        "key": "k",
        "status": "info",
        "at": "2026-11-30T12:00:00Z",
        "tags": {},
    }
    read_json = mapped(
        items="body.all",
        id="body.id",
        key="body.key",
        status="body.status",
        at="body.at",
        labels="body.tags",
        data="body.data",
    )
    cases: list[tuple[Any, Any, str]] = [
        (read_alerts, group(alert(1), alert(2)), ""),
        (read_pagerduty, event(), ""),
        (read_cloud_events, both, "application/cloudevents+json"),
        (read_cloud_events, [cloud, both], "application/cloudevents-batch+json"),
        (read_json, {"all": [entry, {**entry, "data": {"x": [None]}}]}, ""),
    ]
    for _ in range(150):
        for read, value, media in cases:
            written = json.dumps(changed(value, chance)).replace("Infinity", "1e999").encode()
            try:
                signals = read(delivery(written, content_type=media)).signals
            except Unreadable:
                continue
            count += len(signals)
            json.dumps([dict(one.data) for one in signals], allow_nan=False)
            assert all(len(one.labels) <= 64 and len(one.kind) <= 128 for one in signals)
    assert count > 100
