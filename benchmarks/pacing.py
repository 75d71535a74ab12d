"""How late the end of a run is seen, and what it costs: simulated, for thousands of runs at once.

The runs behave as recorded on a real Ops server: tasks end 3.1 seconds after their start plus their
work, pipelines are moved every 3 seconds. Latency is that of the recordings. The first run of a
task, of which nothing is known, cannot be seen to end within 0.6 seconds by one look a second.
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.measure import Row
from benchmarks.ops_life import PICKED_UP, TICK, blocking_lag
from opsmcp_tools.runs.poll_interval import PollInterval

__all__ = ["run"]

_RUNS = 2_000
_LATENCY = 0.02
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
    return rows


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
) -> list[Followed]:
    followed: list[Followed] = []
    for work in works:
        life = live(work, chance)
        before = [live(work * chance.uniform(0.9, 1.1), chance).ends for _ in range(5 * known)]
        followed.append(_follow(PollInterval(before, ticking=ticking), life, chance))
    return followed


def _follow(interval: PollInterval, life: Life, chance: random.Random) -> Followed:
    age, looks, seen = _LATENCY, 1, 0
    while age < life.ends:
        moved = sum(moment <= age for moment in life.moves)
        interval.note_poll(age, changed=moved > seen, pending=age < life.begins)
        seen = moved
        age += interval.pause_seconds(age, chance.random()) + _LATENCY
        looks += 1
    return Followed(life.ends, age - life.ends + _LATENCY, looks)


if __name__ == "__main__":
    for row in run():
        print(row)
