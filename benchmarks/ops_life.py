"""How runs live on a real Ops server, as recorded: what the benchmarks let their runs do."""

import math
from dataclasses import dataclass

from tests.fakes.ops_state import (
    Json,
    Timeline,
    good_step,
    make_pipeline,
    make_task,
    pipeline_status,
    task_status,
)

__all__ = ["PICKED_UP", "TICK", "Work", "blocking_lag"]

PICKED_UP = 3.1
"""When the controller takes note of a new run: no task ends before, no pipeline begins."""

TICK = 3.0
"""How often it moves a pipeline, and how often the blocking endpoint looks."""


@dataclass(frozen=True)
class Work:
    """One operation whose runs work for so many seconds."""

    name: str
    seconds: float
    pipeline: bool
    output: str = "done\n"

    @property
    def ends(self) -> float:
        """At which age its runs show that they ended."""
        return self.timeline()[-1][0]

    def timeline(self) -> Timeline:
        """What its runs show, and from which age on."""
        done = task_status({"web-1": [good_step("step-1", self.output)]})
        going: Json = {"runStatus": "Running"}
        if not self.pipeline:
            return [(0.0, going), (PICKED_UP + self.seconds, done)]
        over = PICKED_UP + TICK * math.ceil((self.seconds + 0.1) / TICK)
        return [
            (0.0, {}),
            (PICKED_UP, pipeline_status({"work": going}, "Running")),
            (over, pipeline_status({"work": done}, "Running")),
            (over + TICK, pipeline_status({"work": done})),
        ]

    def manifest(self) -> Json:
        """The pipeline or the task."""
        if self.pipeline:
            return make_pipeline(self.name, "work", variables={})
        return make_task(self.name, "sleep")


def blocking_lag(ends: float) -> float:
    """How late Ops's own blocking endpoint would have answered."""
    return math.ceil(ends / TICK) * TICK - ends
