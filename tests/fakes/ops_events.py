"""The events of a fake Ops server: a stream of NATS, as far as the query over HTTP shows it.

Mirrors pkg/event/jetstream.go of Ops: since a whole second, the oldest thousand, shown newest
first; it waits for the first one where there is none. A start in the future shows only what comes
from then on, as a consumer of NATS 2.9 with such a start does.
"""

import heapq
import re
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import anyio

Json = dict[str, Any]

NO_NATS = "dial tcp: lookup nats-headless.ops-system.svc on 10.255.255.53:53: no such host"
SOURCE = "https://github.com/shaowenchen/ops"

_MOST = 1_000
_AFTER_THE_END = 0.01
"""How long after its end the event of a pipeline run comes, as recorded."""


@dataclass(frozen=True)
class Stored:
    """A message in the stream; without an event it is none of JSON."""

    arrived: float
    subject: str
    event: Json | None


@dataclass
class FakeEvents:
    """The stream. Without `connected` there is no NATS: None as ever, False as of late."""

    connected: bool | None = None
    tells_ends: bool = False
    """Whether the runs with timelines tell of their ends."""
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    stream: list[Stored] = field(default_factory=list[Stored])
    queries: int = 0
    open: int = 0
    most_open: int = 0
    _due: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])
    _more: anyio.Event = field(default_factory=anyio.Event)

    def turn_on(self, *, tells_ends: bool = False) -> None:
        self.connected, self.tells_ends = True, tells_ends

    def publish(
        self, subject: str, kind: str, data: Json | None = None, *, ago: float = 0.0, **more: Any
    ) -> str:
        """Publish an event, as one that came some seconds ago; its id."""
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": SOURCE,
            "type": kind,
            "subject": subject,
            "datacontenttype": "application/json",
            "time": datetime.fromtimestamp(self.wall() - ago, UTC).isoformat(),
            "data": data or {},
            "cluster": "",
            **more,
        }
        self.store(subject, event, ago=ago)
        return str(event["id"])

    def store(self, subject: str, event: Json | None, *, ago: float = 0.0) -> None:
        if not self.connected:
            return  # it is gone for ever, and whoever published it hears of success
        self.stream.append(Stored(self.wall() - ago, subject.lower(), event))
        self.stream.sort(key=lambda stored: stored.arrived)
        self._more.set()
        self._more = anyio.Event()

    def tell_end(self, namespace: str, run: str) -> None:
        """The two events of a pipeline run that has ended."""
        subject = f"ops.clusters.default.namespaces.{namespace}.pipelineruns.{run}"
        self.publish(f"{subject}.status", "PipelineRun", {"pipelineRef": run[:-6], "desc": ""})
        self.publish(subject, "Default", {"kind": "PipelineRun", "status": {}})

    def tell_at(self, ended: float, namespace: str, run: str) -> None:
        if self.tells_ends:
            heapq.heappush(self._due, (ended + _AFTER_THE_END, namespace, run))

    async def query(self, pattern: str, start: int, most: int, seconds: int) -> list[Stored]:
        """What a query shows, the newest first.

        Raises:
            LookupError: There was never a NATS.
        """
        self.queries += 1
        if self.connected is None:
            raise LookupError(NO_NATS)
        if start < 0:
            return []
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._query(pattern, start, most, seconds)
        finally:
            self.open -= 1

    async def _query(self, pattern: str, start: int, most: int, seconds: int) -> list[Stored]:
        fits = _matcher(pattern)
        first = bisect_left(self.stream, start, key=lambda stored: stored.arrived)
        with anyio.move_on_after(seconds):
            while self.connected:
                self._tell_due()
                found = [one for one in self.stream[first:] if fits(one.subject)]
                if found:
                    fetched = [one for one in found[: min(10 * most, _MOST)] if one.event]
                    return fetched[::-1][:most]
                await self._until_more()
        return []

    def cut(self) -> None:
        """NATS goes away; those who wait are answered with nothing."""
        self.connected = False
        self._more.set()
        self._more = anyio.Event()

    async def _until_more(self) -> None:
        left = self._due[0][0] - self.clock() if self._due else 3600.0
        with anyio.move_on_after(max(0.0, left)):
            await self._more.wait()

    def _tell_due(self) -> None:
        while self._due and self._due[0][0] <= self.clock():
            self.tell_end(*heapq.heappop(self._due)[1:])


def _matcher(pattern: str) -> Callable[[str], bool]:
    tokens = [re.escape(token) for token in pattern.split(".")]
    parts = [{r"\*": r"[^.]+", ">": ".+"}.get(token, token) for token in tokens]
    return lambda subject: re.fullmatch(r"\.".join(parts), subject) is not None
