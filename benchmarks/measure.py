"""How things are measured: alternately, several times, by their medians."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Row", "alternate"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its aim; `value` and `aim` are in `unit`."""

    name: str
    value: float
    aim: float
    unit: str = "times"
    detail: str = ""
    least: bool = False
    """Whether the aim is the least that is good, not the most."""

    @property
    def met(self) -> bool:
        return self.value >= self.aim if self.least else self.value <= self.aim

    def __str__(self) -> str:
        mark = "ok  " if self.met else "MISS"
        bound = "at least" if self.least else "at most"
        return (
            f"{mark} {self.name}: {self.value:.3g} {self.unit} "
            f"(aim: {bound} {self.aim:.3g}){'; ' + self.detail if self.detail else ''}"
        )


def alternate(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Median seconds of each, run in turn so that a busy machine burdens both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for index, action in enumerate((first, second)):
            begin = time.perf_counter()
            action()
            times[index].append(time.perf_counter() - begin)
    return statistics.median(times[0]), statistics.median(times[1])
