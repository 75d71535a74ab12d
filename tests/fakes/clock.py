"""Clocks that tests control.

`JumpingClock` jumps to the next time somebody waits for, as soon as everybody waits; `FastClock`
runs fast; for `StoppedClock` no time passes.
"""

import heapq
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio
from anyio import to_thread

_START = datetime(2026, 11, 23, 9, tzinfo=UTC)
_TURNS = 50


class JumpingClock:
    """`drive` has to run beside the test. No time passes while a worker thread is at work."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._set_by = timedelta()
        self._order = count()
        self._sleepers: list[tuple[float, int, anyio.Event]] = []

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.seconds) + self._set_by

    def set_by(self, jump: timedelta) -> None:
        """Set the time of day, as somebody does who finds it wrong."""
        self._set_by += jump

    def monotonic(self) -> float:
        return self.seconds

    def jitter(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "anyio refuses to sleep for less than nothing"
        self.slept.append(seconds)
        woken = anyio.Event()
        item = (self.seconds + seconds, next(self._order), woken)
        heapq.heappush(self._sleepers, item)
        try:
            await woken.wait()
        finally:
            if item in self._sleepers:
                self._sleepers.remove(item)
                heapq.heapify(self._sleepers)

    async def drive(self) -> None:
        while True:
            await self._settle()
            if not self._sleepers:
                continue
            until, _, woken = heapq.heappop(self._sleepers)
            self.seconds = max(self.seconds, until)
            woken.set()

    async def _settle(self) -> None:
        """Let everybody go on until they wait; a chain of wake-ups is never this long here."""
        threads, quiet = to_thread.current_default_thread_limiter(), 0
        while quiet < _TURNS:
            await anyio.lowlevel.checkpoint()
            quiet = 0 if threads.borrowed_tokens else quiet + 1


class FastClock:
    """Real time, from now on so many times as fast: for tests that wait for real sockets too."""

    def __init__(self, times: float) -> None:
        self._times = times
        self._start = datetime.now(UTC)
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._times

    def jitter(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / self._times)


class StoppedClock(JumpingClock):
    """Whoever sleeps sleeps for ever, so that whatever happens was told."""

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep_forever()
