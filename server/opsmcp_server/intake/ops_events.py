"""Events of the Ops platform as signals. Pure.

One anomaly is one finding and two copies of it, each with another id: they have one key, made of
the subject and of the inspection. Nothing of an event is proved, so that its signals are untrusted.
What the kinds of events hold is in pkg/event/event.go and in the tasks `alert-*` of Ops.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.models import Host
from opsmcp_pipelines.platform_events import PlatformEvent, parse_event
from opsmcp_server.config.sender import SenderType
from opsmcp_server.intake.reading import (
    Delivery,
    Found,
    Unreadable,
    entries,
    fingerprint,
    mapping,
    severity_of,
    text,
)
from opsmcp_tools.incidents.signal import Signal, Status

__all__ = ["HostOf", "Unread", "host_by_hostname", "read_ops", "signals_of"]

HostOf = Callable[[str], str]
"""The name of the one Host that has a hostname; empty where none has it, or several."""


class Unread(StrEnum):
    """Why something of a stream makes no signal."""

    JUNK = "what is no CloudEvent"
    SUBJECT = "report on a subject that names no host and no node"
    LARGE = "event larger than 1 MiB"
    CLAIMED = "event that says another subject than the one it came on, which counts"
    BROKEN = "event that cannot be understood"
    LOST = "events that came too fast to be read"
    AWAY = "the events could not be read"


_SUBJECT = re.compile(
    r"ops\.clusters\.(?P<cluster>[^.]+)\.(?:namespaces\.(?P<namespace>[^.]+)\.)?"
    r"(?P<kind>[a-z]+)\.(?P<name>.+)\.(?P<about>[^.]+)"
)
"""Taken apart from both ends: names may hold dots."""

# The name of a run: what Kubernetes puts behind `generateName`. Any five letters would also be the
# `ready` of `alert-node-ready`.
_RUN_SUFFIX = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}$")

_REPORTED: Mapping[str, Status] = MappingProxyType(
    {"alerting": Status.FIRING, "normal": Status.RESOLVED}
)
_HEART: Mapping[str, Status] = MappingProxyType(
    {"Failed": Status.FIRING, "Successed": Status.RESOLVED}
)
_PLACES: Mapping[str, str] = MappingProxyType({"nodes": "node", "pods": "pod"})
_MOST_VALUES = 1_000_000


def host_by_hostname(hosts: Iterable[Host]) -> HostOf:
    """Looks in these hosts. Several may have the same hostname, and then none is meant."""
    names: dict[str, list[str]] = {}
    for host in hosts:
        if hostname := host.hostname.strip().lower():
            names.setdefault(hostname, []).append(host.name)
    found = {hostname: named[0] for hostname, named in names.items() if len(named) == 1}
    return lambda hostname: found.get(hostname.strip().lower(), "")


def read_ops(delivery: Delivery) -> Found:
    """The signals in an answer to the query for events, or in one CloudEvent: what a file holds.

    Raises:
        Unreadable: It is neither.
    """
    body = delivery.json(SenderType.OPS, _MOST_VALUES)
    listed = entries(mapping(mapping(body).get("data")).get("list"))
    pairs = (
        [(body.get("subject"), body)]
        if listed is None and "specversion" in mapping(body)
        else [(mapping(one).get("subject"), mapping(one).get("event")) for one in listed or ()]
    )
    if not pairs:
        raise Unreadable("no events", "it is no CloudEvent and no answer of /api/v1/events")
    read = [parse_event(subject, event) for subject, event in reversed(pairs)]
    found = signals_of(delivery, filter(None, read), lambda _hostname: "")
    if junk := read.count(None):
        found.leave_out(Unread.JUNK, junk)
    return found


def signals_of(delivery: Delivery, events: Iterable[PlatformEvent], host_of: HostOf) -> Found:
    """What the events say, in their order. Most kinds of events say nothing that is wrong."""
    found = Found()
    for event in events:
        reader = _READERS.get(event.kind)
        about = _SUBJECT.fullmatch(event.subject)
        if reader is None:
            continue
        if about is None:
            found.leave_out(Unread.SUBJECT)
            continue
        parts = reader(event, _About(**about.groupdict(default="")), host_of)
        if parts is not None:
            found.signals.append(_signal(delivery, event, parts))
            if event.claimed.lower() not in ("", event.subject.lower()):
                found.leave_out(Unread.CLAIMED)
    return found


@dataclass(frozen=True, slots=True)
class _About:
    """What a subject says."""

    cluster: str
    namespace: str
    kind: str
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """What makes one signal different from another."""

    key: str
    status: Status
    labels: Mapping[str, str]
    delivery_id: str = ""
    severity: str = ""
    annotations: tuple[str, ...] = ("message",)


def _signal(delivery: Delivery, event: PlatformEvent, parts: _Parts) -> Signal:
    return delivery.signal(
        delivery_id=parts.delivery_id or event.id,
        key=parts.key,
        status=parts.status,
        severity=severity_of(parts.severity),
        kind=event.kind,
        at=event.at or delivery.received_at,
        labels={name: value for name, value in parts.labels.items() if value},
        annotations={name: text(event.data.get(name)) for name in parts.annotations},
        data=dict(event.data),
    )


def _report(event: PlatformEvent, about: _About, host_of: HostOf) -> _Parts | None:
    """What an inspection found, which it posts also when all is well."""
    data = event.data
    status = _REPORTED.get(text(data.get("status")))
    if status is None:
        return None
    inspection = _RUN_SUFFIX.sub("", text(data.get("kind")))
    labels = {"cluster": about.cluster, "inspection": inspection}
    if about.kind == "nodes":
        labels["node"] = about.name
    else:
        hostname = text(data.get("host")).strip() or about.name
        labels |= {"hostname": hostname, "host": host_of(hostname)}
    return _Parts(
        key=f"{about.cluster}/{about.kind}/{about.name}/{inspection}",
        status=status,
        labels=labels,
        severity=text(data.get("severity")),
        annotations=("message", "value", "operator", "threshold"),
    )


def _kube(event: PlatformEvent, about: _About, _host_of: HostOf) -> _Parts | None:
    """What Kubernetes warns of: it happened, and nothing resolves it. Updates repeat its time."""
    reason, at = text(event.data.get("reason")), text(event.data.get("eventTime"))
    if event.data.get("type") != "Warning":
        return None
    place = _PLACES.get(about.kind)
    labels = {"cluster": about.cluster, "namespace": about.namespace, "reason": reason}
    labels |= {place: about.name} if place else {"object": f"{about.kind}/{about.name}"}
    return _Parts(
        key=f"{event.subject}/{reason}",
        status=Status.INFO,
        labels=labels,
        delivery_id=fingerprint(event.subject, reason, at) if at else "",
        annotations=("message", "from"),
    )


def _heart(event: PlatformEvent, about: _About, _host_of: HostOf) -> _Parts | None:
    """The heartbeat of a host or of a cluster. One that cannot be reached sends none."""
    beat: Any = mapping(event.data.get("status")).get("heartStatus")
    status = _HEART.get(text(beat))
    if status is None:
        return None
    of_host = event.kind == "Host"
    labels = {"cluster": about.cluster, "host": about.name} if of_host else {"cluster": about.name}
    return _Parts(f"{about.cluster}/{about.kind}/{about.name}/heartbeat", status, labels)


_READERS: Mapping[str, Callable[[PlatformEvent, _About, HostOf], _Parts | None]] = MappingProxyType(
    {"TaskRunReport": _report, "Kube": _kube, "Host": _heart, "Cluster": _heart}
)
