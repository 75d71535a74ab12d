"""Histograms, and their text for Prometheus.

There is one for each tool, and so thousands of lines: prometheus-client, which makes an object of
each, took 0.7 s of the processor for those of 500 tools. Here the text of a series is added up from
parts that never change. Format: https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock

from opsmcp_server.telemetry.families import Family

__all__ = ["Histogram"]

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class _Series:
    """What was observed with the same labels; `counts` has one place more than there are bounds."""

    labels: str
    counts: list[int]
    seconds: float = 0.0


class Histogram:
    """One family, with a series for each combination of its labels."""

    def __init__(self, family: Family) -> None:
        """Begin with nothing observed; without labels there is one series from the start."""
        self._family = family
        self._series: dict[Sequence[str], _Series] = {}
        self._lock = Lock()
        bounds = (*map(repr, map(float, family.buckets)), "+Inf")
        self._ends = [f'le="{bound}"}} ' for bound in bounds]
        if not family.labels:
            self._begin(())

    def observe(self, seconds: float, labels: tuple[str, ...]) -> None:
        """Add one, from any thread."""
        with self._lock:
            series = self._series.get(labels) or self._begin(labels)
            series.counts[bisect_left(self._family.buckets, seconds)] += 1
            series.seconds += seconds

    def _begin(self, labels: tuple[str, ...]) -> _Series:
        pairs = zip(self._family.labels, labels, strict=True)
        text = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs)
        series = self._series[labels] = _Series(text, [0] * len(self._ends))
        return series

    def text(self) -> Iterator[str]:
        """All series, as Prometheus reads them; from any thread."""
        name = self._family.name
        yield f"# HELP {name} {self._family.meaning}\n# TYPE {name} histogram\n"
        for series in list(self._series.values()):
            yield from self._lines(name, series)

    def _lines(self, name: str, series: _Series) -> Iterator[str]:
        labels, counts = series.labels, list(accumulate(series.counts))
        begin = f"{name}_bucket{{{labels}," if labels else f"{name}_bucket{{"
        braced = f"{{{labels}}}" if labels else ""
        for end, count in zip(self._ends, counts, strict=True):
            yield f"{begin}{end}{count}\n"
        yield f"{name}_count{braced} {counts[-1]}\n{name}_sum{braced} {series.seconds!r}\n"
