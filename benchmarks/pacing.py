"""How late the end of a run is seen, and what it costs: simulated, for thousands of runs at once.

The runs behave as recorded on a real Ops server: tasks end 3.1 seconds after their start plus their
work, pipelines are moved every 3 seconds and tell of their ends 10 milliseconds later. Latency is
twice that of the recordings. The first run of a task, of which nothing is known, cannot be seen to
end within 0.6 seconds by one look a second.
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.measure import Row
from benchmarks.ops_life import PICKED_UP, TICK, blocking_lag
from opsmcp_tools.runs.poll_interval import PollInterval

__all__ = ["run"]

_RUNS = 2_000
_LATENCY = 0.01
"""Each way."""

_TOLD_AFTER = 0.01
_VISIBLE = (0.008, 0.024)
"""How long after its end a pipeline's event is published, and then answers a long poll."""

_POLL_SECONDS = 15.0
_SHORTEST, _LONGEST = 0.1, 60.0


@dataclass(frozen=True)
class Life:
    """When a run begins, at which moments it shows something new, and when it ends."""

    begins: float
    moves: tuple[float, ...]

    @property
    def ends(self) -> float:
        return self.moves[-1]


def run() -> list[Row]:
    chance = random.Random(1)  # noqa: S311 - runs, the same every time
    works = [_work(chance) for _ in range(_RUNS)]
    rows: list[Row] = []
    for name, live, ticking, known in (
        ("pipelines", _pipeline, True, False),
        ("pipelines known before", _pipeline, True, True),
        ("tasks", _task, False, False),
        ("tasks known before", _task, False, True),
    ):
        rows += _rows(name, _follow_all(works, live, chance, ticking=ticking, known=known))
    return rows + _event_rows(works, chance)


class Events(Enum):
    """What is heard of ends while they are believed to be told."""

    NONE = "none"
    TOLD = "told"
    SILENT = "silent"


def _event_rows(works: Sequence[float], chance: random.Random) -> list[Row]:
    """The same pipelines with and without events, and with events that have just fallen silent."""
    none, told, silent = (
        _follow_all(works, _pipeline, chance, ticking=True, known=False, events=events)
        for events in Events
    )
    asked = [sum(run.looks for run in runs) for runs in (told, none)]
    without = "without events {:.3f} s and {:.3f} s".format(*_quantiles([run.lag for run in none]))
    p50, p95 = _quantiles([run.lag for run in told])
    silent50, silent95 = _quantiles([run.lag for run in silent])
    return [
        Row("pipelines with events: end seen, p50", p50, 0.05, "s", without),
        Row("pipelines with events: end seen, p95", p95, 0.15, "s", without),
        Row("pipelines with events: requests, of those without", asked[0] / asked[1], 1.0, ""),
        Row("events that fell silent: end seen, p50", silent50, 0.4, "s", without),
        Row("events that fell silent: end seen, p95", silent95, 0.6, "s", without),
    ]


@dataclass(frozen=True)
class Followed:
    """When a run ended, how late that was seen, and after how many looks."""

    ends: float
    lag: float
    looks: int


def _rows(name: str, runs: Sequence[Followed]) -> list[Row]:
    p50, p95 = _quantiles([run.lag for run in runs])
    blocking = _quantiles([blocking_lag(run.ends) for run in runs])
    detail = f"{_RUNS} runs with {_SHORTEST:g} to {_LONGEST:g} s of work"
    looks = sum(run.looks for run in runs) / sum(run.ends + run.lag for run in runs)
    return [
        Row(f"{name}: end seen, p50", p50, 0.3, "s", f"blocking endpoint {blocking[0]:.2f} s"),
        Row(f"{name}: end seen, p95", p95, 0.6, "s", f"blocking endpoint {blocking[1]:.2f} s"),
        Row(f"{name}: looks for each second of a run", looks, 1.0, detail=detail),
    ]


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


def _work(chance: random.Random) -> float:
    """Short and long runs alike: each doubling of the length is as likely."""
    return math.exp(chance.uniform(math.log(_SHORTEST), math.log(_LONGEST)))


def _task(work: float, _chance: random.Random) -> Life:
    return Life(0.0, (PICKED_UP + work,))


def _pipeline(work: float, chance: random.Random) -> Life:
    """One task: seen to run, to have ended, and the pipeline's end at the next tick or with it."""
    begins = PICKED_UP + chance.uniform(0.0, 0.3)
    ticks = math.ceil((work + 0.1) / TICK)
    moves = [begins + TICK * ticks + chance.uniform(-0.1, 0.2)]
    if chance.random() < 0.8:
        moves.append(begins + TICK * (ticks + 1) + chance.uniform(-0.1, 0.2))
    return Life(begins, (begins, *moves))


def _follow_all(
    works: Sequence[float],
    live: Callable[[float, random.Random], Life],
    chance: random.Random,
    *,
    ticking: bool,
    known: bool,
    events: Events = Events.NONE,
) -> list[Followed]:
    followed: list[Followed] = []
    for work in works:
        life = live(work, chance)
        before = [live(work * chance.uniform(0.9, 1.1), chance).ends for _ in range(5 * known)]
        followed.append(_follow(PollInterval(before, ticking=ticking), life, chance, events))
    return followed


def _follow(interval: PollInterval, life: Life, chance: random.Random, events: Events) -> Followed:
    age, looks, seen = _LATENCY, 1, 0
    told_at = life.ends + _TOLD_AFTER + chance.uniform(*_VISIBLE)
    while age < life.ends:
        moved = sum(moment <= age for moment in life.moves)
        interval.note_poll(age, changed=moved > seen, pending=age < life.begins)
        seen = moved
        hinted = events is not Events.NONE
        age += interval.pause_seconds(age, chance.random(), hinted=hinted) + 2 * _LATENCY
        if events is Events.TOLD:
            age = min(age, told_at + _LATENCY)
        looks += 1
    lag = age - life.ends + _LATENCY
    # One question for what was told before, and then a long poll after the other.
    questions = 0 if events is Events.NONE else 1 + math.ceil((age + lag) / _POLL_SECONDS)
    return Followed(life.ends, lag, looks + questions)


if __name__ == "__main__":
    for row in run():
        print(row)
