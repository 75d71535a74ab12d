"""Progress: how far a run is, in numbers that only grow, and in words. Pure."""

from datetime import datetime

from opsmcp_pipelines.run import TaskResult
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["Meter", "progress_message"]

_MINUTES_FROM_SECONDS = 120.0


class Meter:
    """The numbers for one client that waits: tasks done, of tasks in all.

    Each number must be greater than the one before, so what is between two whole ones only says
    that the run goes on, not how far a task is. The last task counts as done when the run has
    ended.
    """

    def __init__(self) -> None:
        """Start at 0."""
        self._done = 0
        self._reports = -1

    def read(self, record: RunRecord) -> tuple[float, float | None]:
        """The next number, and the number of all tasks if it is known."""
        total = _total(record)
        done = min(_done(record), total - 1) if total else _done(record)
        if done > self._done:
            self._done, self._reports = done, 0
        else:  # also when its controller began the run again
            self._reports += 1
        return self._done + self._reports / (self._reports + 20), float(total) if total else None


def progress_message(record: RunRecord, now: datetime) -> str:
    """One line on how far a run is, and how long it may still take by its past runs."""
    total = _total(record)
    of = f" of {total}" if total else ""
    running = [task for task in record.result.tasks if not task.verdict.ended]
    current = f", now {_current(running[-1])}{_hosts(record, running[-1])}" if running else ""
    left = _left(record, (now - record.created_at).total_seconds())
    return f"{record.tool}: {_done(record)}{of} tasks done{current}{left} (run {record.run})"


def _current(task: TaskResult) -> str:
    """A task that runs, and the step at which its first unfinished machine is."""
    steps = (step.name for node in task.nodes for step in node.steps if not step.verdict.ended)
    step = next(steps, "")
    return label(f"{task.name} ({step})" if step else task.name)


def _hosts(record: RunRecord, task: TaskResult) -> str:
    """On how many of several hosts a task that runs has ended."""
    known = (it for it in record.expected if (it.name, it.task) == (task.name, task.task))
    total = max((len(it.place.hosts) for it in known), default=0)
    if total < 2:
        return ""
    ended = [node.verdict for node in task.nodes if node.verdict.ended]
    bad = sum(not verdict.good for verdict in ended)
    said = f", {len(ended)} of {total} hosts ended"
    return f"{said}, {bad} without success" if bad else said


def _done(record: RunRecord) -> int:
    return sum(task.verdict.ended for task in record.result.tasks)


def _total(record: RunRecord) -> int:
    """How many tasks there are; more than were expected when the definition has changed."""
    return max(len(record.expected), len(record.result.tasks)) if record.expected else 0


def _left(record: RunRecord, age: float) -> str:
    usual = record.usual_seconds
    if usual is None:
        return ""
    if age <= usual:
        return f", about {_duration(usual - age)} left"
    return f", longer than usual ({_duration(usual)})"


def _duration(seconds: float) -> str:
    if seconds < _MINUTES_FROM_SECONDS:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min"
