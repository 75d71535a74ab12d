"""The metrics of one server: a registry of its own, and what is counted in it.

The only module that knows prometheus-client (extra `metrics`), which has all but the histograms.
What happens is counted when it happens; what can be looked at is read when somebody asks for all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import prometheus_client
from anyio import to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from opsmcp_server.telemetry.families import FAMILIES, Family, Kind
from opsmcp_server.telemetry.histograms import Histogram

__all__ = ["CONTENT_TYPE", "Metrics", "Reading"]

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_1_0_0

# Beside each counter another metric would say when it was made.
prometheus_client.disable_created_metrics()


class Reading(NamedTuple):
    """What a gauge is now, or how far a counter has come that somebody else keeps."""

    family: Family
    value: float
    labels: Sequence[str] = ()


class Metrics:
    """All families, at zero in the beginning."""

    def __init__(self) -> None:
        """Make them."""
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counters: Mapping[str, Counter] = {
            one.name: Counter(one.name, one.meaning, one.labels, registry=registry)
            for one in _of(Kind.COUNTER)
        }
        self._gauges: Mapping[str, Gauge] = {
            one.name: Gauge(one.name, one.meaning, one.labels, registry=registry)
            for one in _of(Kind.GAUGE)
        }
        self._histograms: Mapping[str, Histogram] = {
            one.name: Histogram(one) for one in _of(Kind.HISTOGRAM)
        }
        for family in FAMILIES:
            for value in family.begins:
                self._counters[family.name].labels(value)
        self._kept_elsewhere: dict[str, float] = {}

    def count(self, family: Family, *labels: str, by: float = 1.0) -> None:
        """Add to a counter."""
        made = self._counters[family.name]
        (made.labels(*labels) if labels else made).inc(by)

    def observe(self, family: Family, seconds: float, *labels: str) -> None:
        """Add to a histogram; a clock that went back counts as no time at all."""
        self._histograms[family.name].observe(max(0.0, seconds), labels)

    def take(self, readings: Iterable[Reading]) -> None:
        """Take over what was looked at."""
        for family, value, labels in readings:
            if family.kind is Kind.COUNTER:
                before = self._kept_elsewhere.get(family.name, 0.0)
                self._kept_elsewhere[family.name] = value
                self.count(family, *labels, by=value - before)
            else:
                made = self._gauges[family.name]
                (made.labels(*labels) if labels else made).set(value)

    async def text(self) -> bytes:
        """All of it as Prometheus reads it; written in a thread, since there may be much."""
        return await to_thread.run_sync(self.write)

    def write(self) -> bytes:
        """The same, in this thread."""
        histograms = (line for one in self._histograms.values() for line in one.text())
        return prometheus_client.generate_latest(self._registry) + "".join(histograms).encode()


def _of(kind: Kind) -> Iterable[Family]:
    return (family for family in FAMILIES if family.kind is kind)
