"""Tasks of one name: Ops writes the report of each over that of the one before. Pure.

It finds the report of a task by name and `taskRef` (api/v1/pipelinerun_types.go), so whoever
follows the run keeps what was there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsmcp_pipelines.report import RunReport, TaskReport
from opsmcp_pipelines.verdict.expected import ExpectedTask

__all__ = ["shared_entries", "with_overwritten"]

_Key = tuple[str, str]


def shared_entries(expected: Sequence[ExpectedTask]) -> dict[_Key, int]:
    """How many tasks have one report, by name and `taskRef`, where there are several."""
    counted = Counter((want.name, want.task) for want in expected)
    return {key: count for key, count in counted.items() if count > 1}


def with_overwritten(
    before: RunReport | None, now: RunReport, expected: Sequence[ExpectedTask]
) -> RunReport:
    """The report with the entries that were seen before and are overwritten in it."""
    shared = shared_entries(expected)
    if before is None or not shared:
        return now
    tasks = (it for entry in now.tasks for it in (*_lost(before, entry, shared), entry))
    return replace(now, tasks=tuple(tasks))


def _lost(before: RunReport, entry: TaskReport, shared: dict[_Key, int]) -> Iterator[TaskReport]:
    """What was reported of the tasks of that name before the one that this entry is of."""
    key = (entry.name, entry.task)
    seen = [it for it in before.tasks if (it.name, it.task) == key]
    if key not in shared or not seen:
        return
    moved_on = seen[-1].status.ended and seen[-1].started_at != entry.started_at
    earlier = seen if moved_on else seen[:-1]
    yield from earlier[: shared[key] - 1]
